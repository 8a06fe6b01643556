import { randomUUID } from 'node:crypto';

import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';

import { RouterError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Incoming } from '../router/incoming.ts';
import type { Report } from '../router/report.ts';
import type { Sink } from '../router/sink.ts';
import { addAbout } from './about.ts';
import { addChatCompletions } from './chat-completions.ts';
import { commonHeaders } from './common-headers.ts';
import { answerPreflights } from './cors.ts';
import { answerErrors, answerFrameworkError, answerParserError } from './error-handler.ts';
import { createMetrics } from './metrics.ts';
import { addModels } from './models.ts';
import type { ModelSource } from './models.ts';
import type { NodeDescription } from './node-description.ts';
import { addProviders } from './providers.ts';
import type { ProviderDirectory } from './providers.ts';
import { createRunning } from './running.ts';
import { addWalletRoutes } from './wallet-routes.ts';
import type { WalletApi } from './wallet-routes.ts';

export interface HttpOptions {
  /** Answers one request through its sink. Never rejects. */
  readonly complete: (incoming: Incoming, sink: Sink) => Promise<Report>;
  readonly models: ModelSource;
  readonly wallet: WalletApi;
  readonly providers: ProviderDirectory | undefined;
  readonly node: NodeDescription;
  /** Why paid requests cannot be taken now; empty when they can. */
  reasons(): readonly string[];
  readonly log: Log;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpLimits {
  /** A body beyond this is refused; long contexts with images fit in. */
  readonly bodyBytes: number;
  /** The whole header block: a token of 128 coins fits in. */
  readonly headerBytes: number;
  /** Answers in work; beyond it 429. */
  readonly maxRunning: number;
  /** Open sockets; beyond it they are closed at once. */
  readonly maxConnections: number;
  /** A request must have arrived in full within this, in ms. */
  readonly requestTimeoutMs: number;
  /** Longer than common load balancers keep theirs (60 s), so that they close first. */
  readonly keepAliveTimeoutMs: number;
  /** The beat of running streams, in ms. */
  readonly beatMs: number;
  readonly keepAliveBeats: number;
  readonly stallBeats: number;
}

const LIMITS: HttpLimits = {
  bodyBytes: 10 * 1024 * 1024,
  headerBytes: 64 * 1024,
  maxRunning: 4_096,
  maxConnections: 16_384,
  requestTimeoutMs: 120_000,
  keepAliveTimeoutMs: 72_000,
  beatMs: 5_000,
  keepAliveBeats: 3,
  stallBeats: 12,
};

export interface HttpServer {
  /** Resolves with the URL it listens at. Port 0 takes a free one. */
  listen(host: string, port: number): Promise<string>;
  /**
   * Takes no new requests (503, connection closed), lets the running ones finish for `timeoutMs`, then closes their connections,
   * and ends when all have settled. Idempotent.
   */
  drain(timeoutMs: number): Promise<void>;
}

export function createServer(options: HttpOptions): HttpServer {
  const limits = { ...LIMITS, ...options.limits };
  const { log } = options;
  const app = createApp(limits);
  const running = createRunning(limits.beatMs);
  const metrics = createMetrics(running);
  let drained: Promise<void> | undefined;

  app.addHook('onRequest', (_request, reply, done) => {
    if (drained === undefined) {
      done();
      return;
    }
    reply.header('connection', 'close');
    done(new RouterError('shutting_down', 'This router is shutting down.', { retryAfterS: 5 }));
  });
  // Not for the answers of sinks, which send these headers themselves.
  app.addHook('onSend', (request, reply, payload, done) => {
    reply.headers(commonHeaders(request.id));
    done(null, payload);
  });
  answerErrors(app, log, metrics);
  answerPreflights(app);
  addChatCompletions(app, { complete: options.complete, running, metrics, log, limits });
  addModels(app, options.models);
  addWalletRoutes(app, options.wallet);
  addProviders(app, options.providers);
  addAbout(app, { ...options, metrics });

  return {
    listen: (host, port) => app.listen({ host, port }),
    drain(timeoutMs) {
      drained ??= (async () => {
        await running.finished(timeoutMs);
        running.stop();
        await app.close();
      })();
      return drained;
    },
  };
}

function createApp(limits: HttpLimits): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: { maxHeaderSize: limits.headerBytes },
    // Only a proxy on this machine may tell us whose address it forwards.
    trustProxy: 'loopback',
    genReqId: () => randomUUID(),
    clientErrorHandler: answerParserError,
    frameworkErrors: answerFrameworkError,
    forceCloseConnections: true,
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      maxParamLength: MAX_MODEL_ID_LENGTH,
    },
  });
  app.server.maxConnections = limits.maxConnections;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  return app;
}

const MAX_MODEL_ID_LENGTH = 500;
