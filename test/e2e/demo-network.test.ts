import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));
const runFile = promisify(execFile);

interface Story {
  readonly urls: Readonly<Record<string, string>>;
  readonly nodes: readonly { readonly id: string; readonly name: string; readonly trust: string }[];
  readonly receipts: readonly Receipt[];
  readonly hops: readonly Hop[];
  readonly sheet: {
    readonly holders: readonly { readonly who: string; readonly sat: number }[];
    readonly sumSat: number;
    readonly issuedSat: number;
    readonly mintFeesSat: number;
    readonly outstandingSat: number;
  };
  readonly addsUp: boolean;
}

interface Receipt {
  readonly paidMsat: number;
  readonly costMsat: number;
  readonly changeMsat: number;
  readonly mintFeeMsat: number;
  readonly dustMsat: number;
  readonly provider: string;
}

interface Hop {
  readonly node: string;
  readonly depositedMsat: number;
  readonly chargedMsat: number;
  readonly returnedMsat: number;
  readonly lostMsat: number;
}

/** As from a shell: not in a terminal, so it ends by itself. */
async function demoNetwork(...flags: string[]): Promise<string> {
  const { stdout } = await runFile(process.execPath, [BIN, 'demo', '--network', ...flags]);
  return stdout;
}

function isOpen(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('nutroute demo --network', () => {
  test('finds both nodes, pays through one and then the other, and every sat is accounted for', async () => {
    const story = JSON.parse(await demoNetwork('--json', '--port', '0')) as Story;

    const [cheap, dear] = ['cheap-and-flaky', 'dear-and-steady'].map(
      (name) => story.nodes.find((node) => node.name === name)?.id,
    );
    expect(story.nodes.map(({ trust }) => trust)).toEqual(['unknown', 'unknown']);
    expect(story.receipts.map(({ provider }) => provider)).toEqual([cheap, dear]);
    for (const { paidMsat, costMsat, changeMsat, mintFeeMsat, dustMsat } of story.receipts) {
      expect(costMsat).toBeGreaterThan(0);
      expect(costMsat + changeMsat + mintFeeMsat + dustMsat).toBe(paidMsat);
    }
    expect(story.hops).toHaveLength(2);
    for (const { depositedMsat, chargedMsat, returnedMsat, lostMsat } of story.hops) {
      expect(chargedMsat).toBeGreaterThan(0);
      expect(chargedMsat + returnedMsat + lostMsat).toBe(depositedMsat);
    }
    const { holders, sumSat, issuedSat, mintFeesSat, outstandingSat } = story.sheet;
    expect(holders).toHaveLength(5);
    expect(sumSat).toBe(holders.reduce((sum, { sat }) => sum + sat, 0));
    expect(sumSat).toBe(issuedSat - mintFeesSat);
    expect(sumSat).toBe(outstandingSat);
    expect(story.addsUp).toBe(true);
    const open = await Promise.all(Object.values(story.urls).map(isOpen));
    expect(open).toEqual([false, false, false, false, false]);
  });

  test('tells its story in text, prints no token, and leaves no port open', async () => {
    const text = await demoNetwork('--port', '0');

    expect(text).not.toMatch(/cashu[AB]/);
    const headings = text.match(/^--- .* ---$/gm);
    expect(headings).toEqual([
      '--- Found on the relay, checked, and trusted as far as strangers are ---',
      '--- A paid chat: the cheap node is chosen ---',
      '--- The cheap node fails: the same payment is served by the steady one ---',
      '--- The second hop: what the router bought, in sat ---',
      '--- Balance sheet of all five (sat) ---',
    ]);
    expect(text).toMatch(/^so there must be +\d+ {3}exact$/m);
    const urls = [...new Set(text.match(/\b(?:http|ws):\/\/127\.0\.0\.1:\d+/g))];
    expect(urls).toHaveLength(5);
    expect(await Promise.all(urls.map(isOpen))).toEqual(urls.map(() => false));
  });
});
