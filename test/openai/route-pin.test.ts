import { expect, test } from 'vitest';

import { readRoutePin } from '../../src/openai/route-pin.ts';
import { faultOf } from '../support/refusals.ts';

test('a request without such a header is pinned to nobody', () => {
  expect(readRoutePin({ authorization: 'Bearer x' })).toBeUndefined();
});

test.each(['x-nutroute-provider', 'x-routstr-provider'])('%s names a provider', (header) => {
  expect(readRoutePin({ [header]: 'node.example' })).toEqual({
    provider: 'node.example',
    model: undefined,
  });
});

test.each([
  ['https://node.example', 'node.example'],
  ['https://Node.Example/', 'node.example'],
  ['https://node.example/v1', 'node.example'],
  ['https://node.example:8443/v1/', 'node.example:8443'],
  ['https://node.example/base/v1', 'node.example/base'],
])('a model path to %s names the node %s', (url, provider) => {
  const path = `url=${encodeURIComponent(url)}&provider-id=3&model-id=org%2Fm`;

  expect(readRoutePin({ 'x-routstr-model-path': path })).toEqual({ provider, model: 'org/m' });
});

test('headers that name the same provider go together, others do not', () => {
  const path = 'url=https%3A%2F%2Fnode.example&model-id=m';
  const both = (name: string) =>
    readRoutePin({ 'x-routstr-model-path': path, 'x-nutroute-provider': name });

  expect(both('node.example')).toEqual({ provider: 'node.example', model: 'm' });
  expect(faultOf(() => both('b'))).toEqual(['invalid_request', 'x-routstr-model-path']);
  expect(
    faultOf(() => readRoutePin({ 'x-nutroute-provider': 'a', 'x-routstr-provider': 'b' })),
  ).toEqual(['invalid_request', 'x-routstr-model-path']);
});

test.each([
  '',
  'node.example',
  'url=node.example&model-id=m',
  'url=https%3A%2F%2Fnode.example',
  'url=https%3A%2F%2Fa.example&url=https%3A%2F%2Fb.example&model-id=m',
  `url=https%3A%2F%2Fnode.example&model-id=${'m'.repeat(2_000)}`,
])('the model path %j is refused', (path) => {
  expect(faultOf(() => readRoutePin({ 'x-routstr-model-path': path }))).toEqual([
    'invalid_request',
    'x-routstr-model-path',
  ]);
});

test('an endpoint behind a provider cannot be chosen', () => {
  const path = 'url=https%3A%2F%2Fnode.example&model-id=m&endpoint=deepinfra';

  expect(faultOf(() => readRoutePin({ 'x-routstr-model-path': path }))).toEqual([
    'unsupported_parameter',
    'x-routstr-model-path',
  ]);
});

test('a name of a provider has no spaces and an end', () => {
  for (const name of ['', 'a b', 'a, b', 'x'.repeat(201)]) {
    expect(faultOf(() => readRoutePin({ 'x-nutroute-provider': name }))).toEqual([
      'invalid_request',
      'x-nutroute-provider',
    ]);
  }
});
