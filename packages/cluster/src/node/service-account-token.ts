/** Tokens of a pod's service account, asked for with TokenRequest and asked for again before they expire. */

import { resourcePath, ServiceAccounts, type Pod } from '@towpath/api';
import { getIn, type Clock } from '@towpath/kit';
import { apiErrorFrom, type Client } from '@towpath/runtime';
import { identityOf } from './core.ts';

export interface TokenOptions {
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}

export interface TokenSource {
  /** A token that is valid for at least a fifth of its life. */
  token(options: TokenOptions): Promise<string>;
  /** When the token for these options should be asked for again, in wall time; undefined before the first. */
  refreshAtMs(options: TokenOptions): number | undefined;
}

/** Share of its life after which a token is replaced. Source: Kubernetes pkg/kubelet/token/token_manager.go. */
const refreshRatio = 0.8;

/** One source per pod: its tokens are bound to that pod. */
export function createTokenSource(options: { client: Client; clock: Clock; pod: Pod }): TokenSource {
  const { client, clock, pod } = options;
  const { namespace, name, uid } = identityOf(pod);
  const cache = new Map<string, { token: string; refreshAtMs: number }>();
  const keyOf = (wanted: TokenOptions): string => `${wanted.audience ?? ''}|${wanted.expirationSeconds}`;

  async function ask(wanted: TokenOptions): Promise<{ token: string; refreshAtMs: number }> {
    const response = await client.request({
      method: 'POST',
      path: resourcePath(ServiceAccounts, {
        namespace,
        name: pod.spec.serviceAccountName ?? 'default',
        subresource: 'token',
      }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: wanted.audience === undefined ? [] : [wanted.audience],
          expirationSeconds: wanted.expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      }),
    });
    const text = await response.text();
    if (response.status >= 400) throw apiErrorFrom(response.status, text);
    const answer: unknown = JSON.parse(text);
    const token = getIn(answer, ['status', 'token']);
    const expiresAt = Date.parse(String(getIn(answer, ['status', 'expirationTimestamp'])));
    if (typeof token !== 'string') throw new Error('the API server answered a TokenRequest without a token');
    const nowMs = clock.nowMs();
    const lifeMs = Number.isNaN(expiresAt) ? wanted.expirationSeconds * 1000 : expiresAt - nowMs;
    return { token, refreshAtMs: nowMs + lifeMs * refreshRatio };
  }

  return {
    async token(wanted) {
      const known = cache.get(keyOf(wanted));
      if (known !== undefined && clock.nowMs() < known.refreshAtMs) return known.token;
      const fresh = await ask(wanted);
      cache.set(keyOf(wanted), fresh);
      return fresh.token;
    },
    refreshAtMs: (wanted) => cache.get(keyOf(wanted))?.refreshAtMs,
  };
}
