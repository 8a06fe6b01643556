import type { FastifyInstance } from 'fastify';

/** What a page may send: our credentials, and what the SDKs add by themselves. A wildcard would not cover `authorization`. */
const ALLOWED =
  /^(accept|authorization|content-type|user-agent|x-cashu|x-cashu-change|x-nutroute-provider|x-api-key|idempotency-key|http-referer|x-title|(x-stainless|openai|x-routstr)-[a-z0-9-]{1,40})$/;

const PREFLIGHT_MAX_AGE_S = '86400';

/** Answers preflights for every path. */
export function answerPreflights(app: FastifyInstance): void {
  app.options('/*', (request, reply) => {
    const asked = request.headers['access-control-request-headers'] ?? '';
    const names = asked.split(',').map((name) => name.trim().toLowerCase());
    return reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, POST, OPTIONS',
        'access-control-allow-headers': names.filter((name) => ALLOWED.test(name)).join(', '),
        'access-control-max-age': PREFLIGHT_MAX_AGE_S,
        vary: 'access-control-request-headers',
      })
      .send();
  });
}
