import { finalizeEvent } from 'nostr-tools/pure';
import { expect, test } from 'vitest';

import type { AnnounceReport } from '../../../src/discovery/announce/announce-report.ts';
import type { NostrEvent } from '../../../src/nostr/event.ts';
import { npubOf } from '../../../src/nostr/npub.ts';
import { announcements, announcerWorld, answering, OTHER_OFFER } from './announcer-world.ts';
import { models, NOW_MS, NOW_S, OFFER } from './offer.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const states = (report: AnnounceReport | undefined): string[] | undefined =>
  report?.relays.map(({ state }) => state);

test('every relay is reported: one that takes it, one that wants to know who asks, one silent, one dead', async () => {
  await using here = await announcerWorld();
  const open = await here.relay();
  const careful = await here.relay({ authRequired: true });
  await here.relay({ hooks: { onMessage: () => false } });
  here.link('ws://127.0.0.1:9');

  const report = await here.announcer().announceNow();

  expect(report.outcome).toBe('announced');
  expect(states(report)).toEqual(['held', 'held', 'failed', 'failed']);
  expect(report.relays.map(({ relay }) => relay)).toEqual(here.links.map(({ url }) => url));
  expect(report.relays[2]?.message).toMatch(/no answer/);
  expect(report.relays[3]?.message).toMatch(/not connected|no answer/);
  for (const relay of [open, careful]) {
    expect(announcements(relay).map(({ id }) => id)).toEqual([report.event?.id]);
  }
});

test('a relay that says OK and keeps nothing is found out, and sent the event once a time from then on', async () => {
  await using here = await announcerWorld();
  const liar = answering(() => [true, '']);
  await here.relay({ hooks: liar.hooks });
  const honest = await here.relay();
  const announcer = here.announcer();

  const report = await announcer.announceNow();

  expect(states(report)).toEqual(['write-only', 'held']);
  expect(report.relays[0]?.message).toMatch(/does not give the event back/);
  expect(announcements(honest)).toHaveLength(1);
  expect(liar.seen()).toHaveLength(2);
  expect(states(await announcer.announceNow())).toEqual(['write-only', 'held']);
  expect(liar.seen()).toHaveLength(3);
});

test('what is refused for good is sent again only with the next event, what is refused for now a minute later', async () => {
  await using here = await announcerWorld();
  const blocking = answering(() => [false, 'blocked: not on the list']);
  let isBusy = true;
  const busy = answering(() => (isBusy ? [false, 'rate-limited: slow down'] : undefined));
  await here.relay({ hooks: blocking.hooks });
  await here.relay({ hooks: busy.hooks });
  const announcer = here.announcer();
  await announcer.announceNow();
  announcer.start();
  expect(states(announcer.report())).toEqual(['refused', 'failed']);
  expect(announcer.report()?.relays[1]?.message).toBe('rate-limited: slow down');

  isBusy = false;
  here.clock.advance(MINUTE_MS);
  await expect.poll(() => states(announcer.report())).toEqual(['refused', 'held']);

  here.clock.advance(6 * HOUR_MS);
  await expect.poll(() => blocking.seen().length).toBe(2);
  expect(busy.seen()).toHaveLength(3);
});

test('what a relay has lost is sent to it again within the hour', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const announcer = here.announcer();
  const { event } = await announcer.announceNow();
  announcer.start();
  await relay.close();
  const again = await here.relay({ port: relay.port });
  expect(announcements(again)).toEqual([]);

  here.clock.advance(HOUR_MS);

  await expect.poll(() => announcements(again).map(({ id }) => id)).toEqual([event?.id]);
});

test('dates only rise, though the clock goes back, also across a restart', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const dates: number[] = [];
  const announce = async (): Promise<void> => {
    dates.push((await here.announcer().announceNow()).event?.created_at ?? 0);
  };

  await announce();
  await announce();
  here.clock.advance(-HOUR_MS);
  await announce();
  here.clock.advance(2 * HOUR_MS);
  await announce();

  expect(dates).toEqual([NOW_S, NOW_S + 1, NOW_S + 2, NOW_S + 3600]);
  expect(announcements(relay).map((event) => event.created_at)).toEqual([NOW_S + 3600]);
});

test('a restart tells nothing anew, and gives relays that lack the event the very same one', async () => {
  await using here = await announcerWorld();
  const first = await here.relay();
  const before = here.announcer();
  const { event } = await before.announceNow();
  await before.stop();
  const second = await here.relay();
  here.clock.advance(MINUTE_MS);

  const after = here.announcer();
  after.start();

  await expect.poll(() => states(after.report())).toEqual(['held', 'held']);
  for (const relay of [first, second]) {
    expect(announcements(relay).map(({ id }) => id)).toEqual([event?.id]);
  }
});

test('a restart with another offer tells it', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  await here.announcer().announceNow();
  here.world.offer = OTHER_OFFER;

  here.announcer().start();

  await expect.poll(() => announcements(relay)[0]?.created_at).toBe(NOW_S + 1);
});

test('a change is told half a minute later, if it is one', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const announcer = here.announcer();
  const { event } = await announcer.announceNow();
  announcer.start();
  here.clock.advance(HOUR_MS / 2);

  announcer.changed();
  here.clock.advance(30_000);
  here.world.offer = OTHER_OFFER;
  announcer.changed();
  await expect.poll(() => announcements(relay)[0]?.id).not.toBe(event?.id);

  expect(announcements(relay)[0]?.created_at).toBe(here.clock.now() / 1000);
});

test('where nothing changes it is told anew every 6 hours, before it expires', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const announcer = here.announcer();
  announcer.start();
  await expect.poll(() => announcements(relay)[0]?.created_at).toBe(NOW_S);

  here.clock.advance(6 * HOUR_MS);

  await expect.poll(() => announcements(relay)[0]?.created_at).toBe(NOW_S + 6 * 3600);
  const [event] = announcements(relay);
  const expiration = event?.tags.find(([name]) => name === 'expiration')?.[1];
  expect(expiration).toBe(String(NOW_S + 54 * 3600));
});

test('the end of the process publishes nothing', async () => {
  await using here = await announcerWorld();
  const traffic = answering(() => undefined);
  const relay = await here.relay({ hooks: traffic.hooks });
  const announcer = here.announcer();
  await announcer.announceNow();
  announcer.start();
  const sent = traffic.seen().length;
  announcer.changed();

  await announcer.stop();
  here.world.offer = OTHER_OFFER;
  here.clock.advance(7 * HOUR_MS);
  await new Promise((resolve) => setTimeout(resolve, 30));

  expect(traffic.seen()).toHaveLength(sent);
  expect(traffic.seen(5)).toEqual([]);
  expect(announcements(relay)).toHaveLength(1);
});

test('a node that is retired stays so through restarts, until it is announced again', async () => {
  await using here = await announcerWorld();
  const traffic = answering(() => undefined);
  const relay = await here.relay({ hooks: traffic.hooks });
  const announcer = here.announcer();
  await announcer.announceNow();
  await announcer.announceNow();
  const versions = traffic.seen().map(({ id }) => id);

  const report = await announcer.retire();

  expect(report).toMatchObject({ outcome: 'retired', relays: [{ state: 'accepted' }] });
  expect(announcements(relay)).toEqual([]);
  const [deletion] = traffic.seen(5);
  const replacement = traffic.seen().at(-1);
  expect(replacement?.tags).toContainEqual(['expiration', String(NOW_S + 62)]);
  expect(deletion?.created_at).toBeGreaterThanOrEqual(replacement?.created_at ?? Infinity);
  const address = `38421:${here.signer.pubkey}:${here.signer.pubkey.slice(0, 12)}`;
  expect(deletion?.tags.slice(0, 2)).toEqual([
    ['a', address],
    ['k', '38421'],
  ]);
  const deleted = deletion?.tags.filter(([name]) => name === 'e').map((tag) => tag[1]);
  expect(deleted).toEqual([replacement?.id, ...versions.toReversed()]);

  const restarted = here.announcer();
  restarted.start();
  restarted.changed();
  here.clock.advance(12 * HOUR_MS);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(announcements(relay)).toEqual([]);
  expect(restarted.report()).toBeUndefined();

  expect(states(await restarted.announceNow())).toEqual(['held']);
  here.clock.advance(6 * HOUR_MS);
  await expect.poll(() => announcements(relay)[0]?.created_at).toBe(NOW_S + 18 * 3600);
});

test('what is announced in the second of a retirement is not covered by its deletion', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const announcer = here.announcer();
  await announcer.announceNow();
  await announcer.retire();

  expect(states(await announcer.announceNow())).toEqual(['held']);
  expect(announcements(relay)).toHaveLength(1);
});

test('a relay that knows no deletions loses the address all the same', async () => {
  await using here = await announcerWorld();
  const deaf = answering(({ kind }) => (kind === 5 ? [false, 'blocked: kind'] : undefined));
  const relay = await here.relay({ hooks: deaf.hooks });
  const announcer = here.announcer();
  await announcer.announceNow();

  const report = await announcer.retire();

  expect(states(report)).toEqual(['accepted']);
  expect(announcements(relay).flatMap(({ tags }) => tags.filter(([name]) => name === 'u'))).toEqual(
    [],
  );
  here.clock.advance(2 * MINUTE_MS);
  expect(announcements(relay)).toEqual([]);
});

test('a relay that keeps showing a retired node is reported', async () => {
  await using here = await announcerWorld();
  let isFrozen = false;
  const frozen = answering(() => (isFrozen ? [true, ''] : undefined));
  await here.relay({ hooks: frozen.hooks });
  const announcer = here.announcer();
  await announcer.announceNow();
  isFrozen = true;

  const report = await announcer.retire();

  expect(states(report)).toEqual(['failed']);
  expect(report.relays[0]?.message).toMatch(/still shows the announcement/);
});

test('nothing is announced while there is nothing to sell, and soon after there is', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  here.world.offer = { ...OFFER, models: [] };
  const announcer = here.announcer();
  announcer.start();
  await expect.poll(() => announcer.report()?.outcome).toBe('withheld');
  expect(announcer.report()?.why).toBe('no model is on offer');

  here.world.offer = OFFER;
  here.clock.advance(1_000);

  await expect.poll(() => states(announcer.report())).toEqual(['held']);
  expect(announcements(relay)).toHaveLength(1);
});

test('nothing is announced by a clock that two relays find wrong', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const wrong = NOW_MS + 20 * MINUTE_MS;
  const announce = (...dates: number[]) =>
    here.announcer({ dates: () => Promise.resolve(dates) }).announceNow();

  expect(await announce(wrong, wrong + 5_000)).toMatchObject({
    outcome: 'withheld',
    why: "this machine's clock is wrong by -20 minutes",
  });
  expect(announcements(relay)).toEqual([]);
  // One alone, one that contradicts, two that differ from each other: no proof.
  expect((await announce(wrong)).outcome).toBe('announced');
  expect((await announce(wrong, wrong, NOW_MS)).outcome).toBe('announced');
  expect((await announce(wrong, wrong + HOUR_MS)).outcome).toBe('announced');
});

test('the time is asked of the web servers of the relays', async () => {
  await using here = await announcerWorld();
  await here.relay();
  await here.relay();

  const report = await here.announcer({ dates: undefined }).announceNow();

  // The simulated clock stands a year behind that of the relays' web servers.
  expect(report.why).toMatch(/clock is wrong by -\d{4,} minutes/);
});

test('a URL that answers with another key is not announced; one that cannot be asked is', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();

  const stranger = here.announcer({ ownInfo: () => Promise.resolve(npubOf('a'.repeat(64))) });
  expect(await stranger.announceNow()).toMatchObject({ outcome: 'withheld' });
  expect(announcements(relay)).toEqual([]);

  const unreachable = here.announcer({ ownInfo: () => Promise.reject(new Error('refused')) });
  expect((await unreachable.announceNow()).outcome).toBe('announced');
  const own = here.announcer({ ownInfo: () => Promise.resolve(npubOf(here.signer.pubkey)) });
  expect((await own.announceNow()).outcome).toBe('announced');
});

test('another router with our key shows, and our next announcement is newer than its', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const d = here.signer.pubkey.slice(0, 12);
  const template = { kind: 38421, created_at: NOW_S + 600, tags: [['d', d]], content: '' };
  relay.store(finalizeEvent(template, new Uint8Array(32).fill(7)));
  const announcer = here.announcer();

  expect(states(await announcer.announceNow())).toEqual(['superseded']);
  expect(states(await announcer.announceNow())).toEqual(['held']);
  expect(announcements(relay)[0]?.created_at).toBe(NOW_S + 601);
});

test('the relays that we write to are published, but over no list that is not ours', async () => {
  await using here = await announcerWorld();
  const list = { kinds: [10_002] };
  const relay = await here.relay();
  await here.announcer().announceNow();
  const [own] = relay.query([list]);
  expect(own?.tags).toEqual([['r', relay.url]]);

  const template = { kind: 10_002, created_at: NOW_S + 5, tags: [['r', 'wss://mine.example']] };
  const mine = finalizeEvent({ ...template, content: '' }, new Uint8Array(32).fill(7));
  relay.store(mine);
  await here.relay();
  await here.announcer().announceNow();

  expect(relay.query([list]).map(({ id }) => id)).toEqual([mine.id]);
});

test('a dead relay is waited for once, not again for the list of relays', async () => {
  await using here = await announcerWorld();
  const dead = here.link('ws://127.0.0.1:9');
  const found: (string | undefined)[] = [];
  await here.relay({
    hooks: {
      onMessage([verb, event]) {
        const reports = announcer.report()?.relays;
        if (verb === 'EVENT' && (event as NostrEvent).kind === 10_002) {
          found.push(reports?.find(({ relay }) => relay === dead.url)?.state);
        }
        return true;
      },
    },
  });
  const announcer = here.announcer();
  await announcer.announceNow();

  expect(found).toEqual(['sending']);
});

test('an announcement names fewer models where a relay takes no longer messages', async () => {
  await using here = await announcerWorld();
  here.world.offer = { ...OFFER, models: models(30) };
  const relay = await here.relay();
  const limited = {
    ...here.link(relay.url),
    info: async () => ({ limitation: { max_message_length: 2_500 } }),
  };
  const tiny = { ...limited, info: async () => ({ limitation: { max_message_length: 100 } }) };

  const event = await here.announcer({ relays: [limited, tiny] }).preview();

  expect(event.tags.filter(([name]) => name === 'price')).toHaveLength(10);
  expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(2_500);
});

test('a preview shows the announcement, and neither signs nor sends', async () => {
  await using here = await announcerWorld();
  const relay = await here.relay();
  const announcer = here.announcer();

  const event = await announcer.preview();

  expect(event).toMatchObject({ kind: 38421, created_at: NOW_S });
  expect(event.tags).toContainEqual(['u', 'https://node.example.com']);
  expect(announcements(relay)).toEqual([]);
  here.world.offer = { ...OFFER, urls: [] };
  await expect(announcer.preview()).rejects.toThrow('no URL');
});
