import type { FastifyInstance } from 'fastify';

import type { Credentials } from '../payment/rail.ts';
import { credentialsOf } from './credentials.ts';

/** What a payer can do with the money it left here. Rejects with RouterError. */
export interface WalletApi {
  /** Describes the credential's account; redeems nothing. */
  info(credentials: Credentials): Promise<unknown>;
  /** Gives out what is left, or again what was given. */
  refund(credentials: Credentials): Promise<WalletAnswer>;
}

export interface WalletAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Names lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Routstr clients send a small JSON body, or none; nothing is read from it. */
const MAX_BODY_BYTES = 65_536;
/** Routstr's own name for the same routes is `balance`. */
const NAMES = ['wallet', 'balance'];

export function addWalletRoutes(app: FastifyInstance, wallet: WalletApi): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
      (_request, _body, parsed) => parsed(null),
    );
    for (const name of NAMES) {
      for (const path of [`/v1/${name}`, `/v1/${name}/info`]) {
        scope.get(path, async (request, reply) => {
          const body = await wallet.info(credentialsOf(request));
          return reply.header('cache-control', 'no-store').send(body);
        });
      }
      scope.post(`/v1/${name}/refund`, async (request, reply) => {
        const answer = await wallet.refund(credentialsOf(request));
        return reply
          .code(answer.status)
          .header('cache-control', 'no-store')
          .headers(answer.headers)
          .send(answer.body);
      });
    }
    done();
  });
}
