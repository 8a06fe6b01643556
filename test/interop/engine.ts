import { join } from 'node:path';

import { answers, freePort, startChild } from '../support/child-server.ts';
import { MODEL_FILE, pythonIn } from './recipes.ts';

/** llama.cpp's server with a model of random weights: what it says is noise, how it says it is real. */
export interface Engine extends AsyncDisposable {
  /** `http://127.0.0.1:port/v1`. */
  readonly url: string;
}

/** Its model is called `name`. */
export async function startEngine(installation: string, name: string): Promise<Engine> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/v1`;
  const model = join(installation, MODEL_FILE);
  const where = ['--host', '127.0.0.1', '--port', String(port)];
  const child = await startChild(
    {
      command: pythonIn(installation),
      args: ['-m', 'llama_cpp.server', '--model', model, '--model_alias', name, ...where],
    },
    () => answers(`${url}/models`),
  );
  return {
    url,
    async [Symbol.asyncDispose]() {
      await child.stop();
    },
  };
}
