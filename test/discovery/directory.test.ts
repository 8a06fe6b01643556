import { describe, expect, test } from 'vitest';

import { directoryBody } from '../../src/discovery/directory.ts';
import { npubOf } from '../../src/nostr/npub.ts';
import { marketNode } from './market-nodes.ts';
import { keyOf } from './registry/events.ts';

const NODE = keyOf('node');

describe('the directory of other nodes', () => {
  test('lists a node as Routstr core does', () => {
    expect(directoryBody([marketNode()], false)).toEqual({
      providers: [
        {
          id: 'd',
          pubkey: NODE,
          created_at: 1_790_000_000,
          kind: 38421,
          endpoint_url: 'https://node.example.com',
          endpoint_urls: ['https://node.example.com'],
          name: 'Node',
          description: 'About it',
          mint_urls: ['https://mint.example.com'],
          version: '0.4.7',
          content: '{"name":"Node","about":"About it"}',
        },
      ],
    });
  });

  test('tells with include_json how each answered', () => {
    const health = { latencyMs: 20, answeredAtMs: 0, failures: 3, checkedAtMs: 1 };
    const silent = marketNode({ url: 'https://silent.example.com', link: 'unchecked', health });
    const { providers } = directoryBody([silent, marketNode()], true);
    expect(providers).toEqual([
      {
        provider: directoryBody([marketNode()], false).providers[0],
        health: {
          status_code: 200,
          endpoint: 'info',
          json: {
            name: 'Node',
            description: 'About it',
            version: '0.4.7',
            npub: npubOf(NODE),
            mints: ['https://mint.example.com'],
            http_url: 'https://node.example.com',
          },
        },
      },
      {
        provider: directoryBody([silent], false).providers[0],
        health: { status_code: 500, endpoint: 'error', json: { error: 'it has not answered' } },
      },
    ]);
  });

  test("is readable by the SDK's rules: a body with providers that have a URL and a key as texts", () => {
    const body: unknown = JSON.parse(JSON.stringify(directoryBody([marketNode()], false)));
    const { providers } = body as { providers: { endpoint_url: unknown; pubkey: unknown }[] };
    expect(providers.map(({ endpoint_url, pubkey }) => [endpoint_url, pubkey])).toEqual([
      ['https://node.example.com', NODE],
    ]);
  });

  test('passes on no address that is another key’s, none that is silent, none of a blocked node', () => {
    const blocked = { level: 'blocked', capSat: 0, weight: 0, why: [] } as const;
    const nodes = [
      marketNode({ link: 'conflict' }),
      marketNode({ link: 'down' }),
      marketNode({ link: 'stale' }),
      marketNode({ standing: blocked }),
    ];
    expect(directoryBody(nodes, false)).toEqual({ providers: [] });
  });

  test('lists no more than a hundred, those first whose address names their key', () => {
    const unchecked = Array.from({ length: 200 }, (_, at) =>
      marketNode({ url: `https://n${at}.example.com`, link: 'unchecked' }),
    );
    const { providers } = directoryBody([...unchecked, marketNode()], false);
    expect(providers).toHaveLength(100);
    expect(providers[0]).toMatchObject({ endpoint_url: 'https://node.example.com' });
  });
});
