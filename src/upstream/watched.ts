import type { Breaker } from './breaker.ts';
import { UpstreamFailure } from './upstream.ts';
import type { Upstream, UpstreamAnswer } from './upstream.ts';

/** The same upstream, with its breaker told of every attempt and how it ended, also in mid-body. */
export function watched(upstream: Upstream, breaker: Breaker): Upstream {
  function tell(error: unknown): unknown {
    if (error instanceof UpstreamFailure) breaker.failed(error);
    return error;
  }

  function told(answer: UpstreamAnswer): UpstreamAnswer {
    return {
      ...answer,
      async relay(onChunk) {
        try {
          await answer.relay(onChunk);
          breaker.succeeded();
        } catch (error) {
          throw tell(error);
        }
      },
    };
  }

  return {
    ...upstream,
    async send(request, cancel) {
      breaker.begun();
      try {
        return told(await upstream.send(request, cancel));
      } catch (error) {
        throw tell(error);
      }
    },
  };
}
