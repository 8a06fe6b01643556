import type { FastifyInstance } from 'fastify';

import { RouterError } from '../lib/errors.ts';
import { frontPage } from './front-page.ts';
import type { Metrics } from './metrics.ts';
import type { ModelSource } from './models.ts';
import type { NodeDescription } from './node-description.ts';

export interface AboutParts {
  readonly node: NodeDescription;
  readonly models: ModelSource;
  readonly metrics: Metrics;
  /** Why paid requests cannot be taken now; empty when they can. */
  reasons(): readonly string[];
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** The routes that tell about this node: `/`, `/v1/info`, `/health`, `/metrics`. */
export function addAbout(app: FastifyInstance, parts: AboutParts): void {
  const info = describe(parts.node);
  app.get('/v1/info', () => info);
  app.get('/', (request, reply) => {
    if (request.headers.accept?.includes('text/html') === true) {
      return reply.type('text/html; charset=utf-8').send(frontPage(parts.node));
    }
    // Routstr's first clients find the models here.
    return reply.send({ ...info, status: 'running', models: parts.models.items() });
  });
  app.get('/health', (_request, reply) => {
    const reasons = parts.reasons();
    const isWell = reasons.length === 0;
    return reply
      .code(isWell ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(isWell ? { status: 'ok' } : { status: 'unavailable', reasons });
  });
  app.get('/metrics', async (request, reply) => {
    // What a node earns is its operator's business.
    if (!LOOPBACK.test(request.ip)) throw new RouterError('not_found', 'There is nothing here.');
    return reply.type(parts.metrics.contentType).send(await parts.metrics.text());
  });
}

function describe(node: NodeDescription): Readonly<Record<string, unknown>> {
  return {
    name: node.name,
    description: node.about,
    // A bare 0.1.x would make Routstr's SDK match model ids by suffix, as nodes of that version needed.
    version: `nutroute-${node.version}`,
    npub: node.npub ?? '',
    mint: node.mints[0] ?? '',
    mints: node.mints,
    http_url: node.url ?? '',
    onion_url: node.onion ?? '',
    child_key_cost_msats: 0,
  };
}
