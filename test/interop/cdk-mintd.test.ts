import { describe } from 'vitest';

import { startCdkMintd } from './cdk-mintd.ts';
import { mintContract } from './mint-contract.ts';

const binary = process.env['NUTROUTE_INTEROP_CDK_MINTD'] ?? '';

describe.skipIf(binary === '')('cdk-mintd', () => {
  mintContract('cdk-mintd', (feePpk) => startCdkMintd(binary, feePpk));
});
