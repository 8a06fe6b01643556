import { describe, expect, test } from 'vitest';

import { createCooldowns, scopeOf } from '../../src/router/cooldown.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import { createSimulatedClock } from '../support/clock.ts';

const MINUTE_MS = 60_000;
const AT = { provider: 'a', model: 'm' };
const refused = (status: number, error?: object, retryAfterS?: number): UpstreamFailure =>
  new UpstreamFailure('status', `status ${status}`, {
    status,
    body: { error },
    ...(retryAfterS !== undefined && { retryAfterS }),
  });

describe('how far a failure reaches', () => {
  test.each([
    ['request', 'a bad request', refused(400, { message: 'bad field' })],
    ['request', 'a body that is too large', refused(413)],
    ['request', 'a form error', refused(422)],
    ['request', 'a missing file', refused(404, { param: 'messages[0].content' })],
    [
      'content',
      'images, where the model takes none',
      refused(404, { message: 'No endpoints found that support image input', code: 404 }),
    ],
    [
      'content',
      'what is moderated',
      refused(403, { message: 'm requires moderation. Your input was flagged.', code: 403 }),
    ],
    ['provider', 'a country that is not served', refused(403, { message: 'Not in your country' })],
    ['model', 'a model that nobody serves', refused(404, { message: 'No endpoints found for m.' })],
    ['model', 'an unknown model', refused(404, { param: 'model' })],
    ['model', 'a 404 without words', refused(404)],
    ['model', 'an unknown model told by 400', refused(400, { code: 'model_not_found' })],
    ['model', 'a wait of known length', refused(429, {}, 7)],
    ['provider', 'a wait of unknown length', refused(429)],
    ['provider', 'a key that is not ours', refused(401)],
    ['provider', 'no credit', refused(402, { type: 'insufficient_quota' })],
    ['provider', 'our token', refused(400, { code: 'cashu_token_already_spent' })],
    ['provider', 'our token in other words', refused(400, { type: 'invalid_token' })],
    ['provider', 'a fault of the server', refused(500)],
    ['provider', 'silence', new UpstreamFailure('timeout', 'late')],
    ['purse', 'our funds', new UpstreamFailure('unaffordable', 'no funds')],
    ['mint', 'a mint that is away', refused(503, { type: 'mint_unreachable' })],
    ['mint', 'a mint that is busy', refused(503, { code: 'cashu_mint_rate_limited' })],
    ['mint', 'a swap between mints', refused(422, { type: 'mint_error' })],
  ])('%s: %s', (scope, _title, failure) => {
    expect(scopeOf(failure)).toBe(scope);
  });
});

describe('cooldowns', () => {
  function cooled(failure: UpstreamFailure, isBought = true) {
    const clock = createSimulatedClock();
    const cooldowns = createCooldowns({ clock });
    cooldowns.failed(AT, { failure, isBought });
    return { clock, cooldowns };
  }

  test('a model that a node does not have is left alone for 30 minutes, its others are not', () => {
    const { clock, cooldowns } = cooled(refused(404));

    expect(cooldowns.isCooled('a', 'm')).toBe(true);
    expect(cooldowns.isCooled('a', 'n')).toBe(false);
    expect(cooldowns.isCooled('b', 'm')).toBe(false);

    clock.advance(30 * MINUTE_MS - 1);
    expect(cooldowns.isCooled('a', 'm')).toBe(true);
    clock.advance(1);
    expect(cooldowns.isCooled('a', 'm')).toBe(false);
  });

  test('one that our own upstream does not have may be there in a minute', () => {
    const { clock, cooldowns } = cooled(refused(404), false);

    expect(cooldowns.isCooled('a', 'm')).toBe(true);
    clock.advance(MINUTE_MS);
    expect(cooldowns.isCooled('a', 'm')).toBe(false);
  });

  test('a node whose mint is away is left alone, with all its models', () => {
    const { clock, cooldowns } = cooled(refused(503, { type: 'mint_unreachable' }));

    expect([cooldowns.isCooled('a', 'm'), cooldowns.isCooled('a', 'n')]).toEqual([true, true]);
    expect(cooldowns.isCooled('b', 'm')).toBe(false);
    clock.advance(MINUTE_MS);
    expect(cooldowns.isCooled('a', 'm')).toBe(false);
  });

  test('who asks for a moment gets it, but no more than a minute', () => {
    const short = cooled(refused(429, {}, 7));
    const long = cooled(refused(429, {}, 86_400));

    short.clock.advance(6_999);
    expect(short.cooldowns.isCooled('a', 'm')).toBe(true);
    short.clock.advance(1);
    expect(short.cooldowns.isCooled('a', 'm')).toBe(false);
    long.clock.advance(MINUTE_MS);
    expect(long.cooldowns.isCooled('a', 'm')).toBe(false);
  });

  test('a shorter pause does not end a longer one', () => {
    const { clock, cooldowns } = cooled(refused(404));
    cooldowns.failed(AT, { failure: refused(429, {}, 1), isBought: true });

    clock.advance(20 * MINUTE_MS);
    expect(cooldowns.isCooled('a', 'm')).toBe(true);
  });

  test.each([refused(400), refused(500), new UpstreamFailure('timeout', 'late')])(
    'nothing is left alone for what says nothing about the next request, or is counted by a breaker: %s',
    (failure) => {
      expect(cooled(failure).cooldowns.isCooled('a', 'm')).toBe(false);
    },
  );

  test('are of bounded number', () => {
    const { cooldowns } = cooled(refused(404));
    for (let index = 0; index < 10_000; index += 1) {
      cooldowns.failed(
        { provider: 'b', model: `m${index}` },
        { failure: refused(404), isBought: true },
      );
    }

    expect(cooldowns.isCooled('a', 'm')).toBe(false);
    expect(cooldowns.isCooled('b', 'm0')).toBe(true);
    expect(cooldowns.isCooled('b', 'm9999')).toBe(true);
  });
});
