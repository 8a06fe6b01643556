import type { Announcement } from '../../src/discovery/announcement.ts';
import type { MarketNode } from '../../src/discovery/market-node.ts';
import { keyOf } from './registry/events.ts';

export function marketNode(parts: Partial<MarketNode> = {}): MarketNode {
  const url = parts.url ?? 'https://node.example.com';
  return {
    id: url.replace(/^https?:\/\//, ''),
    pubkey: keyOf('node'),
    d: 'd',
    name: 'Node',
    about: 'About it',
    version: '0.4.7',
    url,
    urls: [url],
    mints: ['https://mint.example.com'],
    announcedAt: 1_790_000_000,
    link: 'linked',
    health: { latencyMs: 20, answeredAtMs: 1_790_000_000_000, failures: 0, checkedAtMs: 1 },
    standing: { level: 'unknown', capSat: 50, weight: 0.5, why: [] },
    models: undefined,
    ...parts,
  };
}

export function announced(parts: Partial<Announcement> = {}): Announcement {
  return {
    pubkey: keyOf('node'),
    d: 'd',
    id: keyOf('id'),
    createdAt: 1_790_000_000,
    expiresAt: undefined,
    urls: ['https://node.example.com'],
    mints: ['https://mint.example.com'],
    version: undefined,
    name: 'Node',
    about: '',
    ...parts,
  };
}
