import { PassThrough } from 'node:stream';

import { main } from '../../src/main.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function runCommand(
  argv: readonly string[],
  place: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<CommandResult> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const { env = {}, cwd = '/' } = place;
  const code = await main(argv, { stdin, stdout, stderr, env, cwd });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}
