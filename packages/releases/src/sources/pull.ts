/** Fetches chart archives from HTTP and OCI repositories. */

import type { PullDependency } from './dependencies.ts';
import { httpGet, type HttpOptions } from './http.ts';
import { fetchIndex, pullFromRepository } from './http-repository.ts';
import { isOci, pullFromRegistry } from './oci.ts';

export interface PullOptions {
  /** An in-cluster URL as this process can open it. */
  readonly hostUrl: (url: string) => string;
  readonly signal: AbortSignal | undefined;
  readonly http?: HttpOptions;
}

/** Fetches by repository address, name and version; an `oci://` address is that of the chart's parent. */
export function createPull(options: PullOptions): PullDependency {
  return async ({ name, version, repository }) => {
    if (isOci(repository)) {
      const address = `${repository.replace(/\/+$/, '')}/${name}`;
      const { username, password } = options.http ?? {};
      const credentials = username === undefined ? undefined : { username, password: password ?? '' };
      return (await pullFromRegistry(address, version, { credentials })).data;
    }
    const http: HttpOptions = { ...options.http, signal: options.signal };
    const target = { url: options.hostUrl(repository), http };
    const index = await fetchIndex(httpGet, target);
    return (await pullFromRepository(httpGet, target, { index, name, version })).data;
  };
}
