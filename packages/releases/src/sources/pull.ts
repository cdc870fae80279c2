/** Fetches chart archives from HTTP and OCI repositories. */

import type { PullDependency } from './dependencies.ts';
import { httpGet, type HttpOptions } from './http.ts';
import { fetchIndex, pullFromRepository } from './http-repository.ts';

export interface PullOptions {
  /** An in-cluster URL as this process can open it. */
  readonly hostUrl: (url: string) => string;
  readonly signal: AbortSignal | undefined;
  readonly http?: HttpOptions;
}

/** Fetches by repository address, name and version; `oci://` addresses name the chart's parent. */
export function createPull(options: PullOptions): PullDependency {
  return async ({ name, version, repository }) => {
    const http: HttpOptions = { ...options.http, signal: options.signal };
    const url = options.hostUrl(repository);
    const target = { url, http };
    const index = await fetchIndex(httpGet, target);
    return (await pullFromRepository(httpGet, target, { index, name, version })).data;
  };
}
