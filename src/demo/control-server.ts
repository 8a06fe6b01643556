import type { IncomingMessage } from 'node:http';

import { listen, readBody, sendJson } from './http-server.ts';
import type { Listening } from './http-server.ts';
import { isRecord, parseJson } from './json.ts';
import type { JsonRecord } from './json.ts';

/** What a control port can be told: `POST /<name>` with a JSON object, answered with `{"result": ...}`. */
export type Commands = Readonly<Record<string, (argument: JsonRecord) => unknown>>;

const MAX_BODY_BYTES = 1024 * 1024;

/** For tests that control a server in a process of its own. A command that throws is answered with 400 and `{"error": text}`. */
export function serveControl(commands: Commands, port: number): Promise<Listening> {
  return listen((request, response) => {
    obey(commands, request).then(
      (result) => sendJson(response, 200, { result }),
      (error: unknown) => {
        sendJson(response, 400, { error: error instanceof Error ? error.message : 'failed' });
      },
    );
  }, port);
}

async function obey(commands: Commands, request: IncomingMessage): Promise<unknown> {
  const text = await readBody(request, MAX_BODY_BYTES);
  const command = commands[(request.url ?? '').slice(1)];
  const argument = parseJson(text === undefined || text === '' ? '{}' : text);
  if (command === undefined || !isRecord(argument)) throw new Error('no such command');
  return command(argument) ?? null;
}
