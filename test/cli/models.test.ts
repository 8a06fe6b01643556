import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';

import { afterEach, expect, test } from 'vitest';

import { main } from '../../src/main.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const LIST = {
  data: [
    {
      id: 'qwen3',
      context_length: 32_768,
      sats_pricing: { prompt: 0.02, completion: 0.05 },
      nutroute: { upstreams: 3, lowest: { prompt: 0.01, completion: 0.05 } },
    },
    { id: 'foreign\u001b[31m', context_length: 8_192, sats_pricing: { prompt: 1, completion: 2 } },
  ],
};

async function serving(body: unknown): Promise<string> {
  const server = createServer((_request, response) => response.end(JSON.stringify(body)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await main(argv, { stdin, stdout, stderr, env: {}, cwd: '/' });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

test('models shows the range of prices and how many upstreams serve each', async () => {
  const { code, stdout } = await run('models', '--router', await serving(LIST));

  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    'model        upstreams  input sat/M  output sat/M  context',
    'qwen3                3  10000-20000         50000    32768',
    'foreign[31m          1      1000000       2000000     8192',
    '',
  ]);
});

test('models finds models by a part of their name, and tells programs in JSON', async () => {
  const { stdout } = await run(
    'models',
    'QWEN',
    '--json',
    '--router',
    `${await serving(LIST)}/v1/`,
  );

  expect(JSON.parse(stdout)).toEqual({
    models: [{ id: 'qwen3', upstreams: 3, input: '10000-20000', output: '50000', context: 32_768 }],
  });
});

test('models says which router does not answer', async () => {
  const { code, stderr } = await run('models', '--router', 'http://127.0.0.1:1');

  expect(code).toBe(1);
  expect(stderr).toContain('http://127.0.0.1:1 does not answer');
});
