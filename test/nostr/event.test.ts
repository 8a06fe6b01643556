import { describe, expect, test } from 'vitest';

import type { Filter } from '../../src/nostr/event.ts';
import { matches, parseEvent } from '../../src/nostr/event.ts';
import { announcement, fresh } from './events.ts';

const event = await announcement({ created_at: 1_763_700_000 });

describe('parsing', () => {
  test('an event comes out with the fields of NIP-01 and no others', () => {
    const parsed = parseEvent(fresh({ ...event, extra: 1 }));

    expect(parsed).toStrictEqual(fresh(event));
  });

  test.each<[string, object]>([
    ['an id in capitals', { id: event.id.toUpperCase().replace(/\d/g, 'A') }],
    ['a short key', { pubkey: event.pubkey.slice(1) }],
    ['a signature that is no hex', { sig: 'z'.repeat(128) }],
    ['a fractional kind', { kind: 1.5 }],
    ['a kind beyond 16 bits', { kind: 65_536 }],
    ['a negative time', { created_at: -1 }],
    ['a time that is text', { created_at: '1763700000' }],
    ['tags that are no list', { tags: {} }],
    ['a tag that is no list', { tags: ['d'] }],
    ['a tag with a number', { tags: [['d', 1]] }],
    ['129 tags', { tags: Array.from({ length: 129 }, () => ['t', 'x']) }],
    ['a tag of 33 strings', { tags: [Array.from({ length: 33 }, () => 'x')] }],
    ['a tag string of more than 1 KiB', { tags: [['d', 'x'.repeat(1_025)]] }],
    ['more than 64 KiB of content', { content: 'x'.repeat(65_537) }],
    ['content and tags of more than 64 KiB', { content: 'x'.repeat(65_536) }],
    ['half a surrogate pair', { content: '\ud800' }],
    ['content that is no text', { content: null }],
  ])('%s makes no event', (_name, fault) => {
    expect(parseEvent({ ...event, ...fault })).toBeUndefined();
  });

  test.each([null, 'event', 7, []])('%j is no event', (value) => {
    expect(parseEvent(value)).toBeUndefined();
  });
});

describe('matching', () => {
  test.each<[string, Filter, boolean]>([
    ['nothing asked', {}, true],
    ['its kind', { kinds: [1, 38_421] }, true],
    ['another kind', { kinds: [1] }, false],
    ['its id', { ids: [event.id] }, true],
    ['the beginning of its id', { ids: [event.id.slice(0, 8)] }, false],
    ['its author', { authors: [event.pubkey] }, true],
    ['no author at all', { authors: [] }, false],
    ['its own second', { since: event.created_at, until: event.created_at }, true],
    ['a later time', { since: event.created_at + 1 }, false],
    ['an earlier time', { until: event.created_at - 1 }, false],
    ['its tag', { '#d': ['other', 'node'] }, true],
    ['another tag', { '#d': ['other'] }, false],
    ['a tag it has not', { '#t': ['node'] }, false],
    ['two tags, of which it has one', { '#d': ['node'], '#t': ['x'] }, false],
  ])('a filter for %s: %j is met: %s', (_name, filter, expected) => {
    expect(matches(filter, event)).toBe(expected);
  });
});
