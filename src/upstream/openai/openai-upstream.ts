import type { Cancel } from '../../lib/cancel.ts';
import { answerOf } from '../answer.ts';
import { openExchange } from '../exchange.ts';
import { requestHeaders } from '../headers.ts';
import { openLink } from '../link.ts';
import { fetchModels } from '../model-list.ts';
import type { UpstreamOptions } from '../options.ts';
import { readRefusal } from '../refusal.ts';
import type { ForwardRequest, Upstream, UpstreamAnswer } from '../upstream.ts';

/** Any server that speaks OpenAI's chat completions: OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and their like. */
export function createOpenAiUpstream(options: UpstreamOptions): Upstream {
  const { id, apiKey, onPayerGone } = options;
  const { link, path } = openLink(options);
  const headers = requestHeaders(options);
  const secrets = apiKey === undefined ? [] : [apiKey];

  return {
    id,
    onPayerGone,
    buying: undefined,
    async send(request: ForwardRequest, cancel: Cancel): Promise<UpstreamAnswer> {
      const { body, stream, firstByteTimeoutMs } = request;
      const exchange = await openExchange(
        link,
        {
          method: 'POST',
          path: `${path}/chat/completions`,
          headers: stream ? headers.stream : headers.json,
          body,
          firstByteTimeoutMs,
        },
        cancel,
      );
      if (exchange.status !== 200) throw (await readRefusal(link, exchange, secrets)).failure;
      return answerOf(exchange, stream);
    },
    models: async () =>
      fetchModels(link, { path: `${path}/models`, headers: headers.list, secrets }),
    close: () => link.pool.destroy(),
  };
}
