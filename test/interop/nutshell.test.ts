import { describe } from 'vitest';

import { mintContract } from './mint-contract.ts';
import { startNutshell } from './nutshell.ts';

const installation = process.env['NUTROUTE_INTEROP_NUTSHELL'] ?? '';

describe.skipIf(installation === '')('nutshell from PyPI', () => {
  mintContract('nutshell', (feePpk) => startNutshell(installation, feePpk));
});
