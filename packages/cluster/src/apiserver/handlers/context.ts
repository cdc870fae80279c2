/** What the handlers of resource requests share. */

import type { Clock, Logger, Random } from '@towpath/kit';
import type { UserInfo } from '../http/message.ts';
import type { Resource } from '../resources/resource.ts';
import type { ResourceRegistry } from '../resources/registry.ts';
import type { Strategy } from '../strategies/strategy.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AnyObject } from '@towpath/api';

/** What an admission step sees of a write. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly resource: Resource;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Steps between decoding and storing. Both throw a `StatusError` to refuse. */
export interface Admission {
  /** Returns the object to go on with. */
  mutate(request: AdmissionRequest): Promise<AnyObject | undefined>;
  validate(request: AdmissionRequest): Promise<readonly string[]>;
}

export interface ApiContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly objects: ObjectStore;
  readonly registry: ResourceRegistry;
  readonly admission: Admission;
  /** The strategy of a collection; an empty one when it has none of its own. */
  strategyOf(resource: Resource): Strategy;
}

/** A resource request after routing. */
export interface Target {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource: string | undefined;
  readonly user: UserInfo;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The key of an object in its collection. */
export function storageKey(resource: Resource, namespace: string | undefined, name: string): string {
  return resource.namespaced ? `${namespace ?? ''}/${name}` : name;
}
