import type { Clock } from '../lib/clock.ts';
import { readUpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamFailure } from '../upstream/upstream.ts';
import { createPairMap } from './pair-map.ts';

/**
 * How far a failure reaches. `request`: the request is at fault. `content`: this upstream does not take such content, another one
 * may. `purse`: nothing was sent, for lack of our money there. `model`:
 * this model at this provider. `mint`: what we pay the provider with, for a while. `provider`: its breaker counts it.
 */
export type FailureScope = 'request' | 'content' | 'purse' | 'model' | 'mint' | 'provider';

/** What is left alone for a while, though its provider's breaker lets requests through. In memory, of bounded number. */
export interface Cooldowns {
  isCooled(provider: string, model: string): boolean;
  /** Remembers a failure of `model` at `provider`, as far as it says something about the next requests. */
  failed(at: { readonly provider: string; readonly model: string }, failure: Failed): void;
}

export interface Failed {
  readonly failure: UpstreamFailure;
  /** The answer would have been bought with our ecash. */
  readonly isBought: boolean;
}

const MAX_COOLDOWNS = 10_000;
/** A node that lists a model it does not have will not get it soon. */
const MISSING_MODEL_MS = 30 * 60_000;
/** Of our own upstream: its operator may be fetching the model right now. */
const OWN_MISSING_MODEL_MS = 60_000;
const MINT_MS = 60_000;
/** An upstream that asks for more is asked again all the same. */
const MAX_WAIT_MS = 60_000;
/** Stands for all models of a provider: no model has an empty name. */
const ALL_MODELS = '';

export function createCooldowns(options: { readonly clock: Clock }): Cooldowns {
  const { clock } = options;
  /** Until when, unix ms. */
  const cooldowns = createPairMap<number>(MAX_COOLDOWNS);

  const isRunning = (provider: string, model: string): boolean => {
    const untilMs = cooldowns.get(provider, model);
    if (untilMs === undefined) return false;
    if (clock.now() < untilMs) return true;
    cooldowns.delete(provider, model);
    return false;
  };

  function cool(provider: string, model: string, pauseMs: number): void {
    const untilMs = clock.now() + pauseMs;
    if ((cooldowns.get(provider, model) ?? 0) < untilMs) cooldowns.set(provider, model, untilMs);
  }

  return {
    isCooled(provider, model) {
      if (cooldowns.size === 0) return false;
      return isRunning(provider, model) || isRunning(provider, ALL_MODELS);
    },
    failed({ provider, model }, { failure, isBought }) {
      const scope = scopeOf(failure);
      if (scope === 'mint') cool(provider, ALL_MODELS, MINT_MS);
      else if (scope === 'model') cool(provider, model, modelPauseMs(failure, isBought));
    },
  };
}

function modelPauseMs({ status, retryAfterS = 0 }: UpstreamFailure, isBought: boolean): number {
  if (status === 429) return Math.min(retryAfterS * 1000, MAX_WAIT_MS);
  return isBought ? MISSING_MODEL_MS : OWN_MISSING_MODEL_MS;
}

/** Statuses by which an upstream refuses the request itself: no other would take it. */
const REFUSES_REQUEST: ReadonlySet<number> = new Set([400, 413, 422]);

const UNKNOWN_MODEL: ReadonlySet<string | undefined> = new Set([
  'model_not_found',
  'invalid_model',
]);

export function scopeOf(failure: UpstreamFailure): FailureScope {
  const { kind, status, body } = failure;
  if (kind === 'unaffordable') return 'purse';
  if (status === undefined) return 'provider';
  const said = readUpstreamError(body);
  if (isAboutMint(said)) return 'mint';
  if (isAboutMoney(said)) return 'provider';
  return scopeOfStatus(status, said, failure);
}

function scopeOfStatus(
  status: number,
  said: UpstreamError,
  { retryAfterS }: UpstreamFailure,
): FailureScope {
  if (isAboutKind(status, said)) return 'content';
  if (status === 404) return isAboutContent(said) ? 'request' : 'model';
  if (status === 400 && UNKNOWN_MODEL.has(said.code)) return 'model';
  if (REFUSES_REQUEST.has(status)) return 'request';
  return status === 429 && retryAfterS !== undefined ? 'model' : 'provider';
}

/**
 * OpenRouter: 404 `No endpoints found that support image input` (or `tool use`), 403 `... your input was flagged`. Whoever sends such
 * a request pays nothing for it, and must not take the model away from the others.
 */
function isAboutKind(status: number, { message, type = '', code = '' }: UpstreamError): boolean {
  if (status === 404) return /\bsupport/i.test(message);
  return (
    status === 403 && /\bflagged\b|moderation|content_policy/i.test(`${message} ${type} ${code}`)
  );
}

/** A 404 is mostly about the model; but a file or an image may be meant. */
function isAboutContent({ param, code }: UpstreamError): boolean {
  return param !== undefined && param !== 'model' && code !== 'model_not_found';
}

/** Nodes of the Routstr network: `mint_unreachable`, `mint_rate_limited`, `mint_error`. */
function isAboutMint({ type = '', code = '' }: UpstreamError): boolean {
  return type.startsWith('mint_') || /^cashu_(?:source_)?mint_/.test(code);
}

/** A node speaks of the ecash we paid it with: nothing of it is the payer's business. */
export function isAboutMoney(said: UpstreamError): boolean {
  const { type = '', code = '' } = said;
  return (
    isAboutMint(said) ||
    code.startsWith('cashu_') ||
    /^(?:invalid_token|token_already_spent|token_consumed|cashu_error|payment_|insufficient_)/.test(
      type,
    ) ||
    /^(?:insufficient_|payment_required)/.test(code)
  );
}
