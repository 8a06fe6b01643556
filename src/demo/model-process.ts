import { parseArgs } from 'node:util';

import { serveControl } from './control-server.ts';
import { countOf, textOf } from './json.ts';
import { startModelServer } from './model-server.ts';
import { parseOddity } from './model/oddity.ts';

/**
 * A demo model server as a process of its own: `node model-process.ts [--port N] [--control N] [--model ID]... [--api-key KEY]
 * [--oddity FORM]`. Prints `{"url","control"}` when it listens; SIGTERM ends it. Commands: `behave` and `behaveNext` with `oddity`
 * (and `times`), `hold` with `afterChunks`, `release`, `counts`.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    control: { type: 'string', default: '0' },
    model: { type: 'string', multiple: true, default: ['demo-model'] },
    'api-key': { type: 'string' },
    oddity: { type: 'string', default: '' },
  },
});

const server = await startModelServer({
  port: Number(values.port),
  models: values.model.map((id) => ({ id })),
  oddity: parseOddity(values.oddity),
  ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
});
const control = await serveControl(
  {
    behave: (from) => server.behave(parseOddity(textOf(from['oddity']) ?? '')),
    behaveNext: (from) =>
      server.behaveNext(parseOddity(textOf(from['oddity']) ?? ''), countOf(from['times'])),
    hold: (from) => server.hold(countOf(from['afterChunks'])),
    release: () => server.release(),
    counts: () => ({ requests: server.requestCount, aborted: server.aborted }),
  },
  Number(values.control),
);
process.once('SIGTERM', () => {
  void Promise.all([server.close(), control.close()]);
});
console.log(JSON.stringify({ url: server.url, control: control.url }));
