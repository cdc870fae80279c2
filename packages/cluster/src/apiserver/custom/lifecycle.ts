/** Keeps the served custom resources in step with their definitions, and empties them when a definition goes. */

import type { AnyObject } from '@towpath/api';
import { background } from '@towpath/kit';
import { deleteObject } from '../handlers/delete.ts';
import type { ApiContext, Target } from '../handlers/context.ts';
import { updateObject } from '../handlers/write.ts';
import type { UserInfo } from '../http/message.ts';
import { StatusError } from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import type { ChangeEvent } from '../storage/collection.ts';
import { cleanupFinalizer } from '../strategies/custom-resource-definition.ts';
import { isConditionTrue, type Condition } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { resourcesOf } from './definition.ts';

const definitions = 'apiextensions.k8s.io/customresourcedefinitions';
const systemUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

/** A definition is registered before the write that created it is acknowledged. */
export class CustomResources {
  readonly #context: ApiContext;
  readonly #unsubscribe: () => void;
  /** Definitions whose objects are being deleted, and how to stop waiting for the last of them. */
  readonly #emptying = new Map<string, () => void>();

  constructor(context: ApiContext) {
    this.#context = context;
    const collection = context.objects.collection(definitions);
    for (const { object } of collection.list()) this.#register(object);
    this.#unsubscribe = collection.subscribe((event) => this.#onChange(event));
  }

  dispose(): void {
    this.#unsubscribe();
    for (const stop of this.#emptying.values()) stop();
    this.#emptying.clear();
  }

  #onChange(event: ChangeEvent): void {
    const { object } = event.stored;
    const { name } = object.metadata;
    if (event.type === 'DELETED') {
      this.#emptying.get(name)?.();
      this.#emptying.delete(name);
      this.#context.registry.setCustom(name, []);
    } else this.#register(object);
  }

  #register(definition: AnyObject): void {
    const { registry, log } = this.#context;
    const conditions = getIn(definition, ['status', 'conditions']) as Condition[] | undefined;
    const { name, deletionTimestamp, finalizers } = definition.metadata;
    if (isConditionTrue(conditions, 'Established')) registry.setCustom(name, resourcesOf(definition, registry.types));
    if (deletionTimestamp === undefined || finalizers?.includes(cleanupFinalizer) !== true) return;
    if (this.#emptying.has(name)) return;
    this.#emptying.set(name, () => {});
    background(`emptying ${name}`, this.#empty(name), log);
  }

  async #empty(name: string): Promise<void> {
    const resource = this.#context.registry.customOf(name)[0];
    if (resource !== undefined) await this.#deleteObjects(name, resource);
    const definition = this.#context.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
    if (definition === undefined) return;
    const target = targetOf(definition, { namespace: undefined, name });
    const withoutFinalizer = (current: AnyObject): AnyObject => {
      const finalizers = (current.metadata.finalizers ?? []).filter((item) => item !== cleanupFinalizer);
      return { ...current, metadata: { ...current.metadata, finalizers } };
    };
    await updateObject(this.#context, target, withoutFinalizer, {
      dryRun: false,
      fieldManager: 'apiserver',
      validation: 'Ignore',
      warnings: [],
      keepManagedFields: true,
    }).catch(ignoreGone);
  }

  async #deleteObjects(name: string, resource: Resource): Promise<void> {
    const collection = this.#context.objects.collection(resource.collection);
    for (const { object } of collection.list()) {
      const { namespace } = object.metadata;
      const target = targetOf(resource, { namespace, name: object.metadata.name });
      await deleteObject(this.#context, target, { dryRun: false }).catch(ignoreGone);
    }
    if (collection.size === 0) return;
    // The rest waits for finalizers that somebody else removes.
    await new Promise<void>((resolve) => {
      const unsubscribe = collection.subscribe(() => {
        if (collection.size === 0) stop();
      });
      const stop = (): void => {
        unsubscribe();
        resolve();
      };
      this.#emptying.set(name, stop);
    });
  }
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof StatusError) || error.status.code !== 404) throw error;
}

/** A request of the server itself. */
function targetOf(resource: Resource, key: { namespace: string | undefined; name: string }): Target {
  return {
    resource,
    namespace: key.namespace,
    name: key.name,
    subresource: undefined,
    user: systemUser,
    query: new URLSearchParams(),
    headers: {},
    body: undefined,
    signal: undefined,
  };
}
