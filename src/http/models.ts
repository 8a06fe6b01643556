import type { FastifyInstance } from 'fastify';

import { RouterError } from '../lib/errors.ts';
import type { ModelItem } from '../openai/model-item.ts';

/** What is served now. `items()` returns the same array until something changes. */
export interface ModelSource {
  items(): readonly ModelItem[];
}

export function addModels(app: FastifyInstance, source: ModelSource): void {
  let listed: readonly ModelItem[] | undefined;
  let list = Buffer.alloc(0);

  for (const path of ['/v1/models', '/models']) {
    app.get(path, (_request, reply) => {
      const items = source.items();
      if (items !== listed) {
        listed = items;
        list = Buffer.from(JSON.stringify({ object: 'list', data: items }));
      }
      return reply.type('application/json').send(list);
    });
    // A model's id may hold slashes: `org/name`.
    app.get<{ Params: { '*': string } }>(`${path}/*`, (request) => {
      const id = request.params['*'];
      const item = source.items().find((candidate) => candidate.id === id);
      if (item !== undefined) return item;
      throw new RouterError('model_not_found', 'This model is not served here.', {
        param: 'model',
      });
    });
  }
}
