import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Recipe, Tool } from './installation.ts';
import { run } from './installation.ts';

const PYTHON: Tool = {
  name: 'python3 with its venv module',
  probe: ['python3', '-c', 'import ensurepip, venv'],
};

/** A virtual environment may be moved as long as its programs are started through this. */
export function pythonIn(folder: string): string {
  return join(folder, 'bin', 'python');
}

async function createVenv(folder: string): Promise<void> {
  await run('python3', ['-m', 'venv', folder]);
}

async function pipInstall(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await run(pythonIn(folder), [...pip, ...args], env);
}

/**
 * A plain `pip install cashu` fails: the breez-sdk-spark that it pins is no longer in the index, and it breaks with newer
 * marshmallow and limits. Only the Spark backend needs breez, but it is always imported: a stub serves.
 */
export const nutshell: Recipe = {
  name: 'nutshell',
  version: '0.21.0-r1',
  needs: [PYTHON],
  async build(folder) {
    await createVenv(folder);
    await pipInstall(folder, ['--no-deps', 'cashu==0.21.0']);
    const listing =
      'import importlib.metadata as m; print("\\n".join(r for r in m.requires("cashu") if not r.startswith("breez")))';
    const requirements = await run(pythonIn(folder), ['-c', listing]);
    const file = join(folder, 'requirements.txt');
    await writeFile(file, `${requirements}marshmallow<4\nlimits<5\n`);
    await pipInstall(folder, ['-r', file]);
    const where = 'import sysconfig; print(sysconfig.get_path("purelib"))';
    const site = (await run(pythonIn(folder), ['-c', where])).trim();
    await writeFile(
      join(site, 'breez_sdk_spark.py'),
      'def __getattr__(name):\n' +
        '    done = type("Done", (), {})\n' +
        '    return type(name, (), {"__getattr__": lambda self, key: None, "PAYMENT_SUCCEEDED": done})\n',
    );
  },
  async check(folder) {
    await run(pythonIn(folder), ['-c', 'import cashu.mint.main']);
  },
};

/** Without the parts we do not use, llama.cpp is compiled in about four minutes on two cores. */
const LLAMA_FLAGS = [
  '-DLLAVA_BUILD=OFF',
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_BUILD_TOOLS=OFF',
  '-DGGML_NATIVE=OFF',
];
const LLAMA_X64_FLAGS = ['-DGGML_AVX2=ON', '-DGGML_FMA=ON', '-DGGML_F16C=ON'];

export const MODEL_FILE = 'tiny.gguf';

/** llama.cpp behind its own OpenAI-compatible server, with a model of random weights. */
export const engine: Recipe = {
  name: 'llama-cpp-python',
  version: '0.3.36-r1',
  needs: [PYTHON, { name: 'a C++ compiler', probe: ['c++', '--version'] }],
  async build(folder) {
    await createVenv(folder);
    const flags = hasAvx2() ? [...LLAMA_FLAGS, ...LLAMA_X64_FLAGS] : LLAMA_FLAGS;
    await pipInstall(folder, ['llama-cpp-python[server]==0.3.36', 'gguf', 'numpy'], {
      CMAKE_ARGS: flags.join(' '),
      CMAKE_BUILD_PARALLEL_LEVEL: '2',
    });
    const script = new URL('tiny_gguf.py', import.meta.url).pathname;
    await run(pythonIn(folder), [script, join(folder, MODEL_FILE)]);
  },
  async check(folder) {
    readFileSync(join(folder, MODEL_FILE));
    await run(pythonIn(folder), ['-c', 'import llama_cpp.server.app']);
  },
};

function hasAvx2(): boolean {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2 ');
  } catch {
    // Not Linux: the compiler's plain target will do.
    return false;
  }
}

/** OpenAI's own Python SDK. */
export const openaiPython: Recipe = {
  name: 'openai-python',
  version: '3.54.0-r1',
  needs: [PYTHON],
  async build(folder) {
    await createVenv(folder);
    await pipInstall(folder, ['openai==3.54.0']);
  },
  async check(folder) {
    await run(pythonIn(folder), ['-c', 'import openai']);
  },
};

const KHATRU_SOURCE = new URL('khatru/', import.meta.url).pathname;
export const KHATRU_BINARY = 'khatru-relay';

/** A Nostr relay of another make, around the pinned module of its name. */
export const khatru: Recipe = {
  name: 'khatru',
  version: `0.19.0-${hashOf(KHATRU_SOURCE, ['go.mod', 'go.sum', 'main.go'])}`,
  needs: [
    {
      name: 'Go 1.24 or newer, and the modules in test/interop/khatru/go.mod',
      probe: ['go', 'list', '-C', KHATRU_SOURCE, '-mod=readonly', '-deps', '.'],
    },
  ],
  async build(folder) {
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w'];
    const args = ['build', '-C', KHATRU_SOURCE, '-mod=readonly', ...flags];
    await run('go', [...args, '-o', join(folder, KHATRU_BINARY), '.'], { CGO_ENABLED: '0' });
  },
  async check(folder) {
    await run(join(folder, KHATRU_BINARY), ['-version']);
  },
};

/** Short, and another one when one of the files changes. */
function hashOf(folder: string, files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}
