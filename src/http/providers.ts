import type { FastifyInstance } from 'fastify';

import { RouterError } from '../lib/errors.ts';

/** The nodes that this one knows, in the shape of Routstr core's directory; undefined: discovery is off. */
export interface ProviderDirectory {
  directory(includeJson: boolean): unknown;
}

/** `GET /v1/providers/`: clients fall back to it where relays fail them. */
export function addProviders(app: FastifyInstance, source: ProviderDirectory | undefined): void {
  app.get<{ Querystring: { include_json?: unknown } }>('/v1/providers', (request) => {
    if (source === undefined) {
      throw new RouterError('not_found', 'Provider discovery is disabled on this node.');
    }
    return source.directory(request.query.include_json === 'true');
  });
}
