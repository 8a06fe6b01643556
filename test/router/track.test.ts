import { describe, expect, test } from 'vitest';

import { createPairMap } from '../../src/router/pair-map.ts';
import { createTracks } from '../../src/router/track.ts';
import { createSimulatedClock } from '../support/clock.ts';

const HOUR_MS = 3_600_000;
const speed = (firstByteMs: number, tokens = 100, tokensMs = 1_000) => ({
  firstByteMs,
  tokens,
  tokensMs,
});

function tracked() {
  const clock = createSimulatedClock();
  const tracks = createTracks({ clock });
  const of = () => {
    const track = tracks.of('a', 'm');
    if (track === undefined) throw new Error('nothing is known of it');
    return track;
  };
  return { clock, tracks, of };
}

describe('a track', () => {
  test('does not exist for what nobody tried', () => {
    const { tracks } = tracked();

    expect(tracks.of('a', 'm')).toBeUndefined();
    tracks.answered('a', 'm', speed(100));
    expect(tracks.of('a', 'n')).toBeUndefined();
    expect(tracks.of('b', 'm')).toBeUndefined();
  });

  test('follows the time to the first byte and the speed after it', () => {
    const { tracks, of } = tracked();

    tracks.answered('a', 'm', speed(100, 100, 2_000));
    expect([of().firstByteMs, of().tokensPerS]).toEqual([100, 50]);

    tracks.answered('a', 'm', speed(600, 100, 1_000));
    expect([of().firstByteMs, of().tokensPerS]).toEqual([200, 60]);

    for (let count = 0; count < 50; count += 1) tracks.answered('a', 'm', speed(600));
    expect(of().firstByteMs).toBeCloseTo(600, 0);
  });

  test('learns no speed from a few tokens, nor any from an answer in one piece', () => {
    const { tracks, of } = tracked();

    tracks.answered('a', 'm', speed(100, 3, 1));
    tracks.answered('a', 'm', speed(100, 100, 0));
    tracks.answered('a', 'm', undefined);

    expect(of()).toMatchObject({ firstByteMs: 100, tokensPerS: undefined });
  });

  test('thinks well of the untried, less after each failure, better after each answer', () => {
    const { tracks, of } = tracked();
    tracks.abandoned('a', 'm', undefined);
    const seen = [of().success];

    for (const isOk of [false, false, false, true, true]) {
      if (isOk) tracks.answered('a', 'm', undefined);
      else tracks.failed('a', 'm');
      seen.push(of().success);
    }

    const [untried = 0, one = 0, two = 0, three = 0, four = 0, five = 0] = seen;
    expect(untried).toBe(0.8);
    expect([untried > one, one > two, two > three]).toEqual([true, true, true]);
    expect([three < four, four < five]).toEqual([true, true]);
  });

  test('forgets by half in an hour', () => {
    const { clock, tracks, of } = tracked();
    for (let count = 0; count < 5; count += 1) tracks.failed('a', 'm');
    expect(of().success).toBeCloseTo(4 / 10);

    clock.advance(HOUR_MS);
    expect(of().success).toBeCloseTo(4 / 7.5);

    clock.advance(100 * HOUR_MS);
    expect(of().success).toBeCloseTo(0.8);
  });

  test('of a million answers can still be lost by some hundred failures', () => {
    const { tracks, of } = tracked();
    for (let count = 0; count < 5_000; count += 1) tracks.answered('a', 'm', undefined);
    expect(of().success).toBeGreaterThan(0.97);

    for (let count = 0; count < 300; count += 1) tracks.failed('a', 'm');
    expect(of().success).toBeLessThan(0.3);
  });

  test('tells when 95 of 100 first bytes have come, once it has seen enough', () => {
    const { tracks, of } = tracked();
    for (let ms = 1; ms < 20; ms += 1) tracks.answered('a', 'm', speed(ms));
    expect(of().p95FirstByteMs).toBeUndefined();

    tracks.answered('a', 'm', speed(20));
    expect(of().p95FirstByteMs).toBe(19);

    for (let count = 0; count < 64; count += 1) tracks.answered('a', 'm', speed(7));
    expect(of().p95FirstByteMs).toBe(7);
  });

  test('learns from a try that was given up that it takes at least that long', () => {
    const { tracks, of } = tracked();
    tracks.answered('a', 'm', speed(1_000));

    tracks.abandoned('a', 'm', 400);
    expect(of().firstByteMs).toBe(1_000);

    tracks.abandoned('a', 'm', 6_000);
    expect(of().firstByteMs).toBe(2_000);
    expect(of().success).toBeGreaterThan(0.8);
  });

  test('counts the tries that run', () => {
    const { tracks, of } = tracked();
    for (let count = 0; count < 3; count += 1) tracks.started('a', 'm');
    expect(of().running).toBe(3);

    tracks.answered('a', 'm', undefined);
    tracks.failed('a', 'm');
    tracks.abandoned('a', 'm', undefined);
    expect(of().running).toBe(0);
  });
});

describe('a map by pairs', () => {
  test('never holds more than its size; what has been there longest goes', () => {
    const map = createPairMap<number>(3);
    const pairs = [
      ['a', 'm'],
      ['a', 'n'],
      ['b', 'm'],
      ['c', 'm'],
      ['a', 'o'],
    ] as const;

    for (const [index, [provider, model]] of pairs.entries()) map.set(provider, model, index);

    expect(map.size).toBe(3);
    const kept = pairs.map(([provider, model]) => map.get(provider, model));
    expect(kept).toEqual([undefined, undefined, 2, 3, 4]);
  });

  test('full of one provider takes another model of it', () => {
    const map = createPairMap<number>(1);
    map.set('a', 'm', 1);
    map.set('a', 'n', 2);

    expect([map.size, map.get('a', 'm'), map.get('a', 'n')]).toEqual([1, undefined, 2]);
  });

  test('replaces, deletes, and does not mix up names', () => {
    const map = createPairMap<number>(10);
    map.set('a', 'm', 1);
    map.set('a', 'm', 2);
    map.set('__proto__', 'm', 3);
    expect([map.size, map.get('a', 'm'), map.get('b', 'm')]).toEqual([2, 2, undefined]);

    map.delete('a', 'm');
    map.delete('a', 'm');
    map.delete('x', 'y');
    expect([map.size, map.get('a', 'm'), map.get('__proto__', 'm')]).toEqual([1, undefined, 3]);
  });
});
