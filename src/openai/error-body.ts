import type { RouterError } from '../lib/errors.ts';

/** OpenAI's error object. All four keys are always there. */
export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}

function errorObject(error: RouterError): ErrorObject {
  return {
    message: error.message,
    type: error.type,
    param: error.param ?? null,
    code: error.code,
  };
}

/** The JSON body of an error answer: OpenAI's shape, Routstr's `detail.error`, and the error's own further fields. */
export function errorBody(
  error: RouterError,
  requestId: string,
  more: Readonly<Record<string, unknown>> = {},
): Buffer {
  const object = errorObject(error);
  // First what others add, so that nothing can replace the error itself.
  const body = {
    ...error.fields,
    ...more,
    error: object,
    detail: { error: object },
    request_id: requestId,
  };
  return Buffer.from(JSON.stringify(body));
}

/** An error inside a stream. The AI SDK breaks on any other form. */
export function errorChunk(error: RouterError): Buffer {
  return Buffer.from(`data: ${JSON.stringify({ error: errorObject(error) })}\n\n`);
}
