/** Reads a kubeconfig, credential plugins included, into transport options. */

import type { RequestOptions } from 'node:https';
import { messageOf, TowpathError } from '@towpath/kit';
import type { HttpTransportOptions } from './http-transport.ts';
import { plainTarget } from './plain-kubeconfig.ts';

export interface KubeconfigTarget {
  readonly transport: HttpTransportOptions;
  /** The context's namespace; `default` when it names none. */
  readonly namespace: string;
  readonly context: string;
}

/** Throws `KUBECONFIG_INVALID` naming the file. `files` follow KUBECONFIG: the first that exists wins. */
export async function loadKubeconfig(options: {
  file: string;
  context?: string | undefined;
}): Promise<KubeconfigTarget> {
  const plain = await plainTarget(options.file, options.context);
  if (plain !== undefined) return plain;
  // The library is large: what needs none of its plugins must not load it.
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromFile(options.file);
  } catch (error) {
    throw new TowpathError('KUBECONFIG_INVALID', `the kubeconfig ${options.file} cannot be read: ${messageOf(error)}`, {
      next: 'name another file with --kubeconfig or KUBECONFIG',
      cause: error,
    });
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null || cluster === undefined) {
    throw new TowpathError(
      'KUBECONFIG_INVALID',
      `the kubeconfig ${options.file} has no cluster for context "${config.getCurrentContext()}"`,
      { next: 'choose a context with --kube-context' },
    );
  }
  const request: RequestOptions = {};
  await config.applyToHTTPSOptions(request);
  const context = config.getContextObject(config.getCurrentContext());
  return {
    transport: {
      server: cluster.server,
      ca: asPem(request.ca),
      cert: asPem(request.cert),
      key: asPem(request.key),
      headers: authorizationOf(request),
      insecure: cluster.skipTLSVerify,
    },
    namespace: context?.namespace ?? 'default',
    context: config.getCurrentContext(),
  };
}

function asPem(value: unknown): string | Buffer | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
}

function authorizationOf(request: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  if (typeof request.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(request.auth).toString('base64')}`;
  }
  return headers;
}
