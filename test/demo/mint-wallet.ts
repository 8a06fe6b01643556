import { Mint, Wallet } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';

/** An unmodified cashu-ts wallet that insists on DLEQ proofs. */
export async function walletOf(
  url: string,
  options: { unit?: string; bip39seed?: Uint8Array } = {},
): Promise<Wallet> {
  const wallet = new Wallet(new Mint(url), { requireSigDleq: true, ...options });
  await wallet.loadMint();
  return wallet;
}

export function sumOf(proofs: readonly Proof[]): number {
  return proofs.reduce((total, { amount }) => total + amount.toNumber(), 0);
}

/** What a mint is sent for a proof. */
export function inputOf({ id, amount, secret, C }: Proof): object {
  return { id, amount: amount.toNumber(), secret, C };
}

/** POSTs raw JSON to a mint. */
export async function post(
  url: string,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
