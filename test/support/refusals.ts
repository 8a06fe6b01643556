import { RouterError } from '../../src/lib/errors.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';

/** Status and code of the RouterError that a call throws. */
export function codeOf(act: () => unknown): string {
  const error = refusalOf(act);
  return error === undefined ? 'nothing thrown' : `${error.status} ${error.code}`;
}

/** Code and parameter of the RouterError that a call throws. */
export function faultOf(act: () => unknown): readonly unknown[] | undefined {
  const error = refusalOf(act);
  return error === undefined ? undefined : [error.code, error.param];
}

function refusalOf(act: () => unknown): RouterError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof RouterError) return error;
    throw error;
  }
}

/** What an upstream failed with; rejects where it did not. */
export async function failureOf(promise: Promise<unknown>): Promise<UpstreamFailure> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof UpstreamFailure) return error;
  throw error;
}
