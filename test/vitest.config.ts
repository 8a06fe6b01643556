import { defineConfig } from 'vitest/config';

/** Minutes of killed processes. */
const CRASHES = ['test/crash/matrix.test.ts', 'test/crash/sabotage.test.ts'];

export default defineConfig({
  test: {
    setupFiles: ['test/support/fixed-seed.ts'],
    restoreMocks: true,
    unstubEnvs: true,
    // Far more than any test takes on an idle machine: the one that runs all of them is none.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What is waited for comes at once, but not on a machine that does other things too.
    expect: { requireAssertions: true, poll: { timeout: 15_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/interop/**', ...CRASHES, 'test/bench/**'],
        },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'crash',
          include: CRASHES,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
