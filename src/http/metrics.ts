import { Counter, Gauge, Registry } from 'prom-client';

import type { Report } from '../router/report.ts';

export interface Metrics {
  /** Counts one answered request. */
  count(status: number, report: Report): void;
  /** The text that Prometheus scrapes. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Nodes come and go, and anybody can be one; those beyond these are counted together, as `other`. */
const MAX_PROVIDERS = 500;

/** `running` tells at scrape time what is in work. */
export function createMetrics(running: {
  readonly size: number;
  readonly streams: number;
}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `nutroute_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number): void => {
    const created: Gauge = new Gauge({
      name: `nutroute_${name}`,
      help,
      registers,
      collect: () => created.set(read()),
    });
  };

  const requests = counter('requests_total', 'Answered chat requests, by status.', ['status']);
  const errors = counter('errors_total', 'Answers that ended with an error, by code.', ['code']);
  const charged = counter('charged_msat_total', 'What payers were charged, in msat.', []);
  const attempts = counter('upstream_attempts_total', 'Requests sent to upstreams.', ['provider']);
  const providers = new Set<string>();
  const labelOf = (provider: string): string => {
    if (providers.size < MAX_PROVIDERS) providers.add(provider);
    return providers.has(provider) ? provider : 'other';
  };
  gauge('requests_running', 'Chat requests in work.', () => running.size);
  gauge('streams_running', 'Streams whose first byte was sent.', () => running.streams);

  return {
    count(status, report) {
      requests.inc({ status: String(status) });
      charged.inc(Number(report.charge));
      for (const { provider } of report.attempts) attempts.inc({ provider: labelOf(provider) });
      if (report.error !== undefined) errors.inc({ code: report.error.code });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
