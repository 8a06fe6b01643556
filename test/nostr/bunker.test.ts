import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay } from '../../src/demo/relay.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Log } from '../../src/lib/log.ts';
import { openBunker } from '../../src/nostr/bunker.ts';
import { openIdentity } from '../../src/nostr/identity.ts';
import type { Signer } from '../../src/nostr/signer.ts';
import { startFakeBunker } from './fake-bunker.ts';
import type { FakeBunker } from './fake-bunker.ts';
import { verifier } from './link-world.ts';

const template = {
  kind: 38_421,
  created_at: 1_763_700_000,
  tags: [['d', 'node']],
  content: '{"name":"ü"}',
};
const log = silentLog;

let home: string;
let relay: DemoRelay;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'nutroute-bunker-'));
  relay = await startRelay();
});
afterEach(async () => {
  await relay.close();
  await rm(home, { recursive: true });
});

async function start(answering?: Parameters<typeof startFakeBunker>[1]): Promise<FakeBunker> {
  const bunker = await startFakeBunker(relay.url, answering);
  onTestFinished(() => bunker[Symbol.asyncDispose]());
  return bunker;
}

async function open(address: string, timeoutMs = 15_000): Promise<Signer> {
  const signer = await openBunker({ home, address, log, timeoutMs });
  onTestFinished(() => signer.close());
  return signer;
}

describe('a remote signer (NIP-46)', () => {
  test('signs what the node announces, with a key that never leaves it', async () => {
    const bunker = await start();

    const signer = await openIdentity({ home, key: bunker.address, log });
    const event = await signer.sign(template);
    await signer.close();

    expect(event).toMatchObject({ ...template, pubkey: bunker.pubkey });
    await expect(verifier.verify(event)).resolves.toBe(true);
  });

  test('is asked who it is only once, so that a node starts without it', async () => {
    const bunker = await start();
    await (await open(bunker.address)).close();

    await bunker[Symbol.asyncDispose]();
    const again = await open(bunker.address);

    expect(again.pubkey).toBe(bunker.pubkey);
    expect(bunker.questions.map(({ method }) => method)).toStrictEqual([
      'connect',
      'get_public_key',
    ]);
    const files = await readdir(home);
    expect(files).not.toEqual([]);
    for (const name of files) {
      const { mode } = await stat(join(home, name));
      expect(mode & 0o777).toBe(0o600);
    }
  });

  test('is not asked to sign what a node does not publish', async () => {
    const bunker = await start();
    const signer = await open(bunker.address);

    await expect(signer.sign({ ...template, kind: 1 })).rejects.toThrow('of kind 1');

    expect(bunker.questions.map(({ method }) => method)).not.toContain('sign_event');
  });

  test('that refuses says why', async () => {
    const bunker = await start();
    const stranger = bunker.address.replace('let+me+in', 'guessed');

    await expect(open(stranger)).rejects.toThrow('the remote signer refuses: who are you?');

    // It may be told the right secret later.
    await expect(open(bunker.address)).resolves.toMatchObject({ pubkey: bunker.pubkey });
  });

  test('that does not answer is given up', async () => {
    const bunker = await start(() => undefined);

    await expect(open(bunker.address, 200)).rejects.toThrow('does not answer');
  });

  test('whose relay is away is given up', async () => {
    const bunker = await start();
    await relay.close();

    await expect(open(bunker.address, 200)).rejects.toThrow('does not answer');
  });

  test.each([
    ['another content', { content: 'evil' }],
    ['another kind', { kind: 5 }],
    ['other tags', { tags: [] }],
  ])('that signs %s is not believed', async (_name, change) => {
    const bunker = await start((question, honest) => {
      if (question.method !== 'sign_event') return honest();
      const wanted = JSON.parse(question.params[0] ?? '') as object;
      const params = [JSON.stringify({ ...wanted, ...change })];
      Object.assign(question, { params });
      return honest();
    });
    const signer = await open(bunker.address);

    await expect(signer.sign(template)).rejects.toThrow('signed something else');
  });

  test('whose signature is wrong is not believed', async () => {
    const bunker = await start((question, honest) => {
      const answer = honest();
      if (question.method !== 'sign_event') return answer;
      const signed = JSON.parse(answer.result ?? '') as object;
      return { result: JSON.stringify({ ...signed, sig: '0'.repeat(128) }) };
    });
    const signer = await open(bunker.address);

    await expect(signer.sign(template)).rejects.toThrow('signed wrongly');
  });

  test('may ask its owner to agree at an address first', async () => {
    const lines: string[] = [];
    const note = (fields: object): void => {
      lines.push(JSON.stringify(fields));
    };
    const log: Log = { trace: note, debug: note, info: note, warn: note, error: note };
    const bunker = await start(({ method }) =>
      method === 'connect' ? { result: 'auth_url', error: 'https://agree.example' } : undefined,
    );

    const opening = openBunker({ home, address: bunker.address, log, timeoutMs: 2_000 });

    await expect(opening).rejects.toThrow('does not answer');
    expect(lines.join('\n')).toContain('https://agree.example');
    const written = await Promise.all(
      (await readdir(home)).map((name) => readFile(join(home, name), 'utf8')),
    );
    const secrets = [...written.map((text) => text.trim()), 'let me in', 'let+me+in'];
    expect(secrets.filter((secret) => lines.join('\n').includes(secret))).toStrictEqual([]);
  });

  test.each([
    ['no key', 'bunker://?relay=ws://127.0.0.1:1'],
    ['no relay', `bunker://${'a'.repeat(64)}?secret=hush-hush`],
    ['a relay that is none', `bunker://${'a'.repeat(64)}?relay=http://127.0.0.1&secret=hush-hush`],
  ])('an address with %s is refused without being shown', async (_name, address) => {
    const error = await openBunker({ home, address, log }).catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(Error);
    expect(String((error as Error).stack)).not.toContain('hush-hush');
  });
});
