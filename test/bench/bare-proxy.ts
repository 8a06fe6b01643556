// The floor that the router is compared with: fastify and undici's dispatch, and nothing in between.
// Fixed: whoever changes it changes every ratio that was ever published.
import Fastify from 'fastify';
import { Pool } from 'undici';

const [upstream = ''] = process.argv.slice(2);
const pool = new Pool(upstream, { connections: null, pipelining: 1, allowH2: false });
const app = Fastify({ logger: false, bodyLimit: 10 * 1024 * 1024 });

app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/*', (request, reply) => {
  reply.hijack();
  const { raw } = reply;
  const headers = { 'content-type': 'application/json' };
  const body = request.body as Buffer;
  pool.dispatch(
    { method: 'POST', path: request.url, headers, body },
    {
      onRequestStart(controller) {
        raw.once('close', () => {
          if (!raw.writableFinished) controller.abort(new Error('the client left'));
        });
      },
      onResponseStart(_controller, status, { 'transfer-encoding': _chunked, ...rest }) {
        raw.writeHead(status, rest);
      },
      onResponseData(controller, chunk) {
        if (raw.write(chunk)) return;
        controller.pause();
        raw.once('drain', () => controller.resume());
      },
      onResponseEnd: () => void raw.end(),
      onResponseError: () => void raw.destroy(),
    },
  );
});
process.send?.({ url: await app.listen({ host: '127.0.0.1', port: 0 }) });
process.once('disconnect', () => process.exit());
