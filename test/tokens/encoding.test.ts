import { expect, test } from 'vitest';

import { encodingFor } from '../../src/tokens/encoding.ts';

test.each(['gpt-4', 'gpt-4-turbo', 'gpt-3.5-turbo-0125', 'openai/gpt-4', 'text-embedding-3-small'])(
  '%s counts with the older encoding',
  (model) => {
    expect(encodingFor(model)).toBe('cl100k_base');
  },
);

test.each([
  'gpt-4o-mini',
  'gpt-4.1',
  'gpt-4.5-preview',
  'gpt-5',
  'o3',
  'llama3.2:1b',
  'a/gpt-4',
  '',
])('%s counts with the newer encoding', (model) => {
  expect(encodingFor(model)).toBe('o200k_base');
});
