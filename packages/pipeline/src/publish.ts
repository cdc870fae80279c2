/** Tells the API about pushes: Repository and Image objects as the Git server and the registry stand. */

import {
  apiVersionOf,
  Images,
  Repositories,
  towpathNamespace,
  type ImageRecord,
  type KubeObject,
  type Repository,
  type ResourceType,
} from '@towpath/api';
import type { PushEvent } from '@towpath/git';
import { jsonEqual, toTimestamp, type Clock } from '@towpath/kit';
import type { TagEvent } from '@towpath/registry';
import { isAlreadyExists, isConflict, type Client } from '@towpath/runtime';
import { objectName, readOnlyLabel } from './names.ts';

export interface PublishDeps {
  readonly client: Client;
  readonly clock: Clock;
}

const maxAttempts = 5;

/** Writes the Repository object of a push, or of a repository as it stands. Idempotent. */
export async function publishRepository(
  deps: PublishDeps,
  event: PushEvent,
  options: { readonly readOnly?: boolean } = {},
): Promise<void> {
  const pushed = event.refs.findLast((ref) => !ref.name.startsWith('refs/tags/')) ?? event.refs.at(-1);
  const lastPush =
    pushed === undefined
      ? undefined
      : { ref: pushed.name, before: pushed.before, after: pushed.after, time: toTimestamp(deps.clock.nowMs()) };
  await upsert<Repository>(deps.client, Repositories, {
    name: objectName(event.repository),
    labels: options.readOnly === true ? { [readOnlyLabel]: 'true' } : {},
    spec: { url: event.url },
    status: (current) => {
      const kept = lastPush ?? current?.lastPush;
      return {
        defaultBranch: event.defaultBranch,
        branches: { ...event.branches },
        tags: { ...event.tags },
        ...(kept !== undefined && { lastPush: kept }),
      };
    },
  });
}

/** Writes the Image object of a registry repository. Idempotent. */
export async function publishImage(deps: PublishDeps, event: TagEvent): Promise<void> {
  await upsert<ImageRecord>(deps.client, Images, {
    name: objectName(event.repository),
    labels: {},
    spec: { repository: event.repository },
    status: () => ({ tags: event.tags.map((tag) => ({ ...tag })) }),
  });
}

interface Desired<Object extends KubeObject & { spec: unknown; status?: unknown }> {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Object['spec'];
  readonly status: (current: Object['status']) => NonNullable<Object['status']>;
}

/** Creates or updates, then replaces the status; a conflict starts again from a fresh read. */
async function upsert<Object extends KubeObject & { spec: unknown; status?: unknown }>(
  client: Client,
  type: ResourceType<Object>,
  desired: Desired<Object>,
): Promise<void> {
  const key = { namespace: towpathNamespace, name: desired.name };
  for (let attempt = 1; ; attempt++) {
    try {
      const object = await ensure(client, type, desired, await client.get(type, key));
      const status = desired.status(object.status);
      if (!jsonEqual(object.status, status)) await client.updateStatus(type, { ...object, status });
      return;
    } catch (error) {
      if (attempt >= maxAttempts || !(isConflict(error) || isAlreadyExists(error))) throw error;
    }
  }
}

async function ensure<Object extends KubeObject & { spec: unknown; status?: unknown }>(
  client: Client,
  type: ResourceType<Object>,
  desired: Desired<Object>,
  current: Object | undefined,
): Promise<Object> {
  if (current === undefined) {
    const metadata = { name: desired.name, namespace: towpathNamespace, labels: { ...desired.labels } };
    // The generic type is one of the two above, whose members are exactly these.
    const fresh = {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      metadata,
      spec: desired.spec,
    } as unknown as Object;
    return client.create(type, fresh);
  }
  const labels = { ...current.metadata.labels, ...desired.labels };
  if (jsonEqual(current.spec, desired.spec) && jsonEqual(current.metadata.labels ?? {}, labels)) return current;
  return client.update(type, { ...current, metadata: { ...current.metadata, labels }, spec: desired.spec });
}
