/** The API server as a pod finds it: its address in the environment, its credentials in files. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, TowpathError, type Time } from '@towpath/kit';
import type { HttpTransportOptions } from './http-transport.ts';

export interface InClusterTarget {
  readonly transport: HttpTransportOptions;
  /** The pod's own. */
  readonly namespace: string;
}

const secretsFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Tokens are replaced in their file long before they end. */
const tokenKeptMs = 60_000;

/**
 * Undefined outside a pod. Throws `IN_CLUSTER_INVALID` where the address is there and the files are not.
 * Source: client-go, rest.InClusterConfig.
 */
export function inClusterTarget(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly time: Time;
  /** Where the service account's files are; for tests. */
  readonly folder?: string;
}): InClusterTarget | undefined {
  const { env, time, folder = secretsFolder } = options;
  const [host, port] = [env['KUBERNETES_SERVICE_HOST'], env['KUBERNETES_SERVICE_PORT']];
  if (host === undefined || port === undefined) return undefined;
  const read = (name: string): string => readSecret(join(folder, name));
  const ca = read('ca.crt');
  let token = { value: read('token'), readAtMs: time.monotonicMs() };
  const currentToken = (): string => {
    if (time.monotonicMs() - token.readAtMs > tokenKeptMs)
      token = { value: read('token'), readAtMs: time.monotonicMs() };
    return token.value;
  };
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { transport: { server, ca, token: currentToken }, namespace: read('namespace') };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new TowpathError(
      'IN_CLUSTER_INVALID',
      `the service account of this pod cannot be read: ${messageOf(error)}`,
      {
        next: 'leave automountServiceAccountToken on, or name a file with --kubeconfig',
        cause: error,
      },
    );
  }
}
