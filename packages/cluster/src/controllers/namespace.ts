/** Namespaces: the default service account and root certificate at birth, an orderly emptying at death. */

import { ConfigMaps, keyOf, Pods, ServiceAccounts, type Key, type ResourceType } from '@towpath/api';
import { isRecord, messageOf, type Logger } from '@towpath/kit';
import {
  createController,
  deletableTypes,
  done,
  isAlreadyExists,
  isNotFound,
  requeue,
  type Client,
  type Controller,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { NamespaceType, type Namespace } from './types.ts';

const rootCaName = 'kube-root-ca.crt';
/** Content that does not go at once (pods with grace, finalizers) is looked at again this often. */
const contentPollMs = 500;

export interface NamespaceOptions {
  /** PEM of the cluster's certificate authority. */
  readonly rootCa: string;
}

/** Source: Kubernetes pkg/controller/serviceaccount and certificates/rootcacertpublisher. */
export function createNamespaceController(deps: ControllerDeps, options: NamespaceOptions): Controller {
  const client = deps.clientFor('namespace-controller');
  const informer = deps.informers.of(NamespaceType);
  const accounts = deps.informers.of(ServiceAccounts);
  const configMaps = deps.informers.of(ConfigMaps);

  async function reconcile(key: Key): Promise<Result> {
    const namespace = informer.get(key);
    if (namespace === undefined) return done();
    if (namespace.metadata.deletionTimestamp !== undefined) return empty(client, namespace, deps.log);
    await ensureAccount(key.name);
    await ensureRootCa(key.name);
    return done();
  }

  async function ensureAccount(namespace: string): Promise<void> {
    if (accounts.get({ namespace, name: 'default' }) !== undefined) return;
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
    await ignoreExisting(client.create(ServiceAccounts, account));
  }

  async function ensureRootCa(namespace: string): Promise<void> {
    const current = configMaps.get({ namespace, name: rootCaName });
    const data = { 'ca.crt': options.rootCa };
    if (current?.data?.['ca.crt'] === options.rootCa) return;
    if (current !== undefined) {
      await client.update(ConfigMaps, { ...current, data });
      return;
    }
    const metadata = { name: rootCaName, namespace };
    await ignoreExisting(client.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
  }

  const controller = createController({ name: 'namespace', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(informer, (namespace) => [keyOf(namespace)]);
  // Both objects come back when somebody deletes them.
  controller.watch(accounts, ({ metadata }) =>
    metadata.name === 'default' ? [{ name: metadata.namespace ?? '' }] : [],
  );
  controller.watch(configMaps, ({ metadata }) =>
    metadata.name === rootCaName ? [{ name: metadata.namespace ?? '' }] : [],
  );
  return controller;
}

async function ignoreExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    // The namespace may be ending: the server refuses new content then.
    const isEnding = isRecord(error) && 'status' in error && error['status'] === 403;
    if (!isAlreadyExists(error) && !isEnding && !isNotFound(error)) throw error;
  }
}

/** Deletes everything inside, pods first, and lets the namespace go when nothing is left. */
async function empty(client: Client, namespace: Namespace, log: Logger): Promise<Result> {
  const { name } = namespace.metadata;
  if ((namespace.spec?.finalizers ?? []).length === 0) return done();
  const types = (await deletableTypes(client)).filter((type) => type.namespaced);
  let left = await deleteAll(client, Pods, name);
  for (const type of types) {
    try {
      left += await deleteAll(client, type, name);
    } catch (error) {
      log.debug('content not deleted', { namespace: name, plural: type.plural, error: messageOf(error) });
      left++;
    }
  }
  if (left > 0) return requeue({ afterMs: contentPollMs });
  await finalize(client, namespace);
  return done();
}

/** Asks for the deletion of every object; answers how many still exist. */
async function deleteAll(client: Client, type: ResourceType, namespace: string): Promise<number> {
  const { items } = await client.list(type, { namespace });
  let left = 0;
  for (const item of items) {
    if (item.metadata.deletionTimestamp === undefined) {
      await client.delete(type, keyOf(item), { propagationPolicy: 'Background' });
      if ((await client.get(type, keyOf(item))) === undefined) continue;
    }
    left++;
  }
  return left;
}

async function finalize(client: Client, namespace: Namespace): Promise<void> {
  const live = await client.get(NamespaceType, keyOf(namespace));
  if (live === undefined) return;
  const finalizers = (live.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
  try {
    await client.update(NamespaceType, { ...live, spec: { ...live.spec, finalizers } }, { subresource: 'finalize' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
