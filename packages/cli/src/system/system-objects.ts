/** The objects every Towpath has: its namespace and its kinds. */

import { CustomResourceDefinitions, isConditionTrue, Namespaces, type AnyObject, type Condition } from '@towpath/api';
import { getIn, TowpathError, type Clock } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';

const establishedLimitMs = 10_000;
const pollMs = 20;

export async function ensureNamespace(client: Client, name: string): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await client.create(Namespaces, namespace).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

/** Creates them or brings them up to date; resolves when all are served. */
export async function ensureCrds(client: Client, clock: Clock, definitions: readonly AnyObject[]): Promise<void> {
  for (const definition of definitions) {
    const { name } = definition.metadata;
    const { spec } = definition;
    if ((await client.get(CustomResourceDefinitions, { name })) === undefined) {
      await client.create(CustomResourceDefinitions, definition);
    } else await client.patch(CustomResourceDefinitions, { name }, { spec }, { kind: 'merge' });
  }
  for (const definition of definitions) await established(client, clock, definition.metadata.name);
}

async function established(client: Client, clock: Clock, name: string): Promise<void> {
  const untilMs = clock.monotonicMs() + establishedLimitMs;
  while (clock.monotonicMs() < untilMs) {
    const found = await client.get(CustomResourceDefinitions, { name });
    const conditions = getIn(found, ['status', 'conditions']) as readonly Condition[] | undefined;
    if (isConditionTrue(conditions, 'Established')) return;
    await clock.sleep(pollMs);
  }
  throw new TowpathError('CRD_NOT_ESTABLISHED', `the kind ${name} is not served after ${establishedLimitMs / 1000} s`, {
    next: `see why with: towpath describe crd ${name}`,
  });
}
