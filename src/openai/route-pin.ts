import type { IncomingHttpHeaders } from 'node:http';

import { RouterError } from '../lib/errors.ts';

/** The one provider that may answer a request, as its headers say: no other is asked when it fails. */
export interface RoutePin {
  /** The provider's id; of a node that is its URL without the scheme. */
  readonly provider: string;
  /** The provider's own name of the model, or ours; undefined: any that serves the request's model. */
  readonly model: string | undefined;
}

const NAMES = ['x-nutroute-provider', 'x-routstr-provider'] as const;
const PATH = 'x-routstr-model-path';

const MAX_PATH_LENGTH = 1_024;
const NAME = /^[\x21-\x7e]{1,200}$/;

/**
 * Reads `x-nutroute-provider`, `x-routstr-provider` (a provider's id) and `x-routstr-model-path`
 * (`url=<url>&model-id=<id>`, a form; `provider-id` is a row of somebody's database and tells us nothing). Throws RouterError
 * `invalid_request` for another form and where they name different providers, `unsupported_parameter` for an `endpoint` of a provider.
 */
export function readRoutePin(headers: IncomingHttpHeaders): RoutePin | undefined {
  const path = headers[PATH];
  const [name, ...others] = NAMES.flatMap((header) => nameIn(headers[header], header) ?? []);
  const named = name === undefined ? undefined : { provider: name, model: undefined };
  const pin = typeof path === 'string' ? readPath(path) : named;
  const providers = [...others, ...(name === undefined ? [] : [name])];
  if (providers.every((provider) => provider === pin?.provider)) return pin;
  throw fault(PATH, 'and the other headers that name a provider must name the same');
}

function nameIn(value: string | string[] | undefined, header: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw fault(header, 'must be the id of one provider');
}

function readPath(path: string): RoutePin {
  const form = new URLSearchParams(path.length <= MAX_PATH_LENGTH ? path : '');
  if (form.has('endpoint')) {
    const message = `${PATH}: an endpoint behind a provider cannot be chosen here.`;
    throw new RouterError('unsupported_parameter', message, { param: PATH });
  }
  const [url = '', ...urls] = form.getAll('url');
  const [model = '', ...models] = form.getAll('model-id');
  const isOne = urls.length === 0 && models.length === 0;
  const provider = providerAt(url);
  if (isOne && provider !== undefined && NAME.test(model)) return { provider, model };
  throw fault(PATH, 'must be url=<url>&model-id=<id>, each encoded');
}

/** The id of the node at `url`: without the scheme, the `/v1` of its routes and a last slash. */
function providerAt(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { host, pathname } = new URL(url);
  const id = `${host}${pathname}`.replace(/\/$/, '').replace(/\/v1$/, '');
  return NAME.test(id) ? id : undefined;
}

function fault(header: string, message: string): RouterError {
  return new RouterError('invalid_request', `${header} ${message}.`, { param: header });
}
