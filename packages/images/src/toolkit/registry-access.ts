/** The registry that an ImageRepository means, with its credentials. */

import { keyText, Secrets, ServiceAccounts, type KubeObject } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { dockerLogin, RegistryClient, tlsFetch, type Credentials } from '@towpath/registry';
import type { Client } from '@towpath/runtime';
import { ImageFailure, notSupported } from './errors.ts';
import type { ImageName } from './image-name.ts';
import { durationMs, type ImageRepository } from './kinds.ts';

export interface RegistryDeps {
  readonly client: Client;
  /** An in-cluster URL as this process can open it. */
  readonly hostUrl: (url: string) => string;
  /** Whether there is one whose images are named `owner/name`, without a registry. */
  readonly hasEmbeddedRegistry: () => Promise<boolean>;
}

const embeddedRegistry = 'http://registry.towpath-system/';

/** Throws `ImageFailure` with the reason AuthenticationFailed, or NotSupported. */
export async function openRegistry(
  object: ImageRepository,
  name: ImageName,
  deps: RegistryDeps,
): Promise<RegistryClient> {
  const { provider, proxySecretRef, insecure, certSecretRef } = object.spec;
  const refused = [
    ...(provider !== undefined && provider !== 'generic' ? [`spec.provider ${provider}`] : []),
    ...(proxySecretRef === undefined ? [] : ['spec.proxySecretRef']),
  ];
  if (refused.length > 0) throw notSupported(refused.join(', '));
  // `owner/name` is its own, pushed or not yet: a repository of that name on Docker Hub belongs to somebody else.
  const mayBeEmbedded = name.isUnqualified && !name.repository.startsWith('library/');
  const isEmbedded = mayBeEmbedded && (await deps.hasEmbeddedRegistry());
  // Certificates are of no use to plain http.
  const scheme = certSecretRef === undefined ? name.scheme : 'https';
  const outside = `${scheme}://${name.registry}`;
  const asked = isEmbedded ? embeddedRegistry : `http://${name.registry}/`;
  const inside = deps.hostUrl(asked);
  const url = isEmbedded || inside !== asked ? inside.replace(/\/$/, '') : outside;
  try {
    const credentials = await credentialsOf(object, name.registry, deps.client);
    const tls = certSecretRef === undefined ? undefined : await secretOf(object, certSecretRef.name, deps.client);
    return new RegistryClient({
      url,
      credentials,
      insecure: insecure === true || url.startsWith('http:'),
      timeoutMs: timeoutMsOf(object),
      ...(tls !== undefined && { fetch: tlsFetch(certificatesOf(tls)) }),
    });
  } catch (error) {
    if (error instanceof ImageFailure) throw error;
    const message = `failed to configure authentication options: ${messageOf(error)}`;
    throw new ImageFailure('AuthenticationFailed', message, { cause: error });
  }
}

/** Of the scan; as long as the interval when nothing is said, never less than a second. */
export function timeoutMsOf({ spec }: ImageRepository): number {
  return Math.max(1_000, durationMs(spec.timeout ?? spec.interval, 60_000));
}

async function credentialsOf(object: ImageRepository, host: string, client: Client): Promise<Credentials | undefined> {
  const { secretRef, serviceAccountName } = object.spec;
  const names = secretRef === undefined ? [] : [secretRef.name];
  if (serviceAccountName !== undefined && serviceAccountName !== '') {
    const key = { namespace: object.metadata.namespace ?? '', name: serviceAccountName };
    const account = await client.get(ServiceAccounts, key);
    if (account === undefined) throw new Error(`serviceaccount '${keyText(key)}' not found`);
    names.push(...pullSecretsOf(account));
  }
  for (const name of names) {
    const login = dockerLogin(await secretOf(object, name, client), host);
    if (login !== undefined) return login;
  }
  return undefined;
}

function pullSecretsOf(account: KubeObject & { imagePullSecrets?: unknown }): string[] {
  const list = Array.isArray(account.imagePullSecrets) ? (account.imagePullSecrets as { name?: unknown }[]) : [];
  return list.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
}

async function secretOf(object: KubeObject, name: string, client: Client): Promise<Record<string, string>> {
  const secret = await client.get(Secrets, { namespace: object.metadata.namespace ?? '', name });
  if (secret === undefined) throw new Error(`secrets "${name}" not found`);
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

/** The older keys count, too. */
function certificatesOf(data: Readonly<Record<string, string>>): { ca?: string; cert?: string; key?: string } {
  const ca = data['ca.crt'] ?? data['caFile'];
  const cert = data['tls.crt'] ?? data['certFile'];
  const key = data['tls.key'] ?? data['keyFile'];
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error('the certificate secret has only one of tls.crt and tls.key');
  }
  if (ca === undefined && cert === undefined) {
    throw new Error('the certificate secret has neither ca.crt nor tls.crt and tls.key');
  }
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}
