/** When a failed try is repeated. */

import type { RetryPolicy } from '../model/http-policy.ts';
import type { UpstreamFailure } from './messages.ts';

/** Envoy's back-off: a random wait up to (2^n - 1) * 25 ms, at most 250 ms. Source: Envoy router, x-envoy-max-retries. */
const backoffBaseMs = 25;
const backoffMaxMs = 250;

/** The upper bound of the wait before retry number `retry` (from 1). */
export function retryBackoffMs(retry: number): number {
  return Math.min(backoffMaxMs, (2 ** retry - 1) * backoffBaseMs);
}

/** True when a failure without an answer is to be repeated. */
export function retriesFailure(policy: RetryPolicy, failure: UpstreamFailure): boolean {
  const { retryOn } = policy;
  switch (failure) {
    case 'connect':
      return retryOn.includes('connect-failure') || retriesResets(retryOn);
    case 'refused':
      return retryOn.includes('refused-stream') || retriesResets(retryOn);
    case 'stale':
    case 'reset':
      return retriesResets(retryOn);
  }
}

function retriesResets(retryOn: readonly string[]): boolean {
  return ['5xx', 'gateway-error', 'reset', 'reset-before-request'].some((condition) => retryOn.includes(condition));
}

const grpcConditions: readonly (readonly [condition: string, status: number])[] = [
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
];

/** True when an answer is to be repeated; `grpcStatus` is that of a gRPC response without messages. */
export function retriesResponse(policy: RetryPolicy, status: number, grpcStatus: number | undefined): boolean {
  const { retryOn } = policy;
  if (retryOn.includes(String(status))) return true;
  if (retryOn.includes('5xx') && status >= 500) return true;
  if (retryOn.includes('gateway-error') && status >= 502 && status <= 504) return true;
  if (retryOn.includes('retriable-4xx') && status === 409) return true;
  return grpcConditions.some(([condition, code]) => code === grpcStatus && retryOn.includes(condition));
}
