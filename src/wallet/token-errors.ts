import { RouterError } from '../lib/errors.ts';

export function alreadySpent(): RouterError {
  return new RouterError('cashu_token_already_spent', 'The token was already spent.');
}

export function mintAway(): RouterError {
  return new RouterError(
    'cashu_mint_unreachable',
    'The mint of this token cannot be reached now. Nothing was taken.',
    { retryAfterS: 5 },
  );
}
