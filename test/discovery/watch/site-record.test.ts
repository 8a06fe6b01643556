import { expect, test } from 'vitest';

import {
  afterAnswer,
  afterFailure,
  afterTraffic,
  linkOf,
  newRecord,
} from '../../../src/discovery/watch/site-record.ts';
import type { SiteRecord } from '../../../src/discovery/watch/site-record.ts';

const OWNER = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const HOUR = 3_600_000;
const by = (pubkey: string) => ({ pubkey });
const T0 = 1_790_000_000_000;

function answered(named: string | null, nowMs = T0): SiteRecord {
  const fresh = { ...newRecord('https://node.example.com', T0), holder: OWNER };
  const info = { pubkey: named, mints: undefined, version: undefined };
  return afterAnswer(fresh, info, { nowMs, latencyMs: 100 });
}

test('A URL is linked to the key that it names, and in conflict with every other', () => {
  expect(linkOf(answered(OTHER), by(OTHER), T0)).toBe('linked');
  expect(linkOf(answered(OTHER), by(OWNER), T0)).toBe('conflict');
});

test('A URL that names no key is unlinked for whoever holds it, and in conflict with the others', () => {
  expect(linkOf(answered(null), by(OWNER), T0)).toBe('unlinked');
  expect(linkOf(answered(null), by(OTHER), T0)).toBe('conflict');
});

test('A URL that nobody announced links its node to no key, whichever it names', () => {
  const found = { pubkey: 'c'.repeat(64), told: OWNER };
  expect(linkOf(answered(OWNER), found, T0)).toBe('unlinked');
  expect(linkOf(answered(OTHER), found, T0)).toBe('conflict');
  expect(linkOf(answered(null), found, T0)).toBe('conflict');
});

test('A demand for money proves life and takes nothing back of what was said before', () => {
  const times = { nowMs: T0 + HOUR, latencyMs: 200 };
  const record = afterAnswer(answered(OWNER), undefined, times);
  expect(linkOf(record, by(OWNER), times.nowMs)).toBe('linked');
  expect(record.latencyMs).toBeCloseTo(130);
  const unread = afterAnswer(newRecord('https://x.example.com', T0), undefined, times);
  expect(linkOf(unread, by(OWNER), times.nowMs)).toBe('conflict');
  expect(linkOf({ ...unread, holder: OWNER }, by(OWNER), times.nowMs)).toBe('unlinked');
});

test('A URL that never answered is down at once, one that did after the second failure', () => {
  const fresh = newRecord('https://node.example.com', T0);
  expect(linkOf(fresh, by(OWNER), T0)).toBe('unchecked');
  expect(linkOf(afterFailure(fresh, false, T0), by(OWNER), T0)).toBe('down');
  const once = afterFailure(answered(OWNER), false, T0 + HOUR);
  expect(linkOf(once, by(OWNER), T0 + HOUR)).toBe('linked');
  const twice = afterFailure(once, false, T0 + HOUR);
  expect(linkOf(twice, by(OWNER), T0 + HOUR)).toBe('down');
  expect(linkOf(afterTraffic(twice, T0 + HOUR), by(OWNER), T0 + HOUR)).toBe('linked');
});

test('A server that lost its /v1/info is down after a day without it', () => {
  let record = answered(OWNER);
  for (const hours of [1, 2, 12, 24]) record = afterFailure(record, true, T0 + hours * HOUR);
  expect(linkOf(record, by(OWNER), T0 + 24 * HOUR)).toBe('linked');
  record = afterFailure(record, true, T0 + 25 * HOUR);
  expect(linkOf(record, by(OWNER), T0 + 25 * HOUR)).toBe('down');
});

test('A URL is stale when it has been silent for 14 days, also if it never answered', () => {
  const days = 14 * 24 * HOUR;
  const silent = afterFailure(afterFailure(answered(OWNER), false, T0), false, T0);
  expect(linkOf(silent, by(OWNER), T0 + days - 1)).toBe('down');
  expect(linkOf(silent, by(OWNER), T0 + days)).toBe('stale');
  const never = afterFailure(newRecord('https://node.example.com', T0), false, T0);
  expect(linkOf(never, by(OWNER), T0 + days)).toBe('stale');
});
