/** The primary's HorizontalPodAutoscaler: a copy that scales the primary. */

import { HorizontalPodAutoscalers } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { Canary } from '../canary.ts';
import type { Plan } from '../plan.ts';
import { ownedBy } from './metadata.ts';

/** Creates or updates `REF-primary`; does nothing without an autoscaler. */
export async function ensureAutoscaler(client: Client, canary: Canary, plan: Plan): Promise<void> {
  if (plan.autoscaler === undefined) return;
  const source = await client.get(HorizontalPodAutoscalers, { namespace: plan.namespace, name: plan.autoscaler });
  const spec = source?.['spec'];
  if (source === undefined || !isRecord(spec)) return;
  const name = `${plan.autoscaler}-primary`;
  const wanted = { ...spec, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: plan.primary } };
  const live = await client.get(HorizontalPodAutoscalers, { namespace: plan.namespace, name });
  if (live === undefined) {
    const metadata = { name, namespace: plan.namespace, ownerReferences: ownedBy(canary) };
    await client.create(HorizontalPodAutoscalers, { ...source, metadata, spec: wanted, status: undefined });
  } else if (!jsonEqual(live['spec'], wanted)) {
    await client.update(HorizontalPodAutoscalers, { ...live, spec: wanted });
  }
}

/** How many replicas the autoscaler starts the target with; undefined without one. */
export async function autoscalerMinimum(client: Client, plan: Plan): Promise<number | undefined> {
  if (plan.autoscaler === undefined) return undefined;
  const source = await client.get(HorizontalPodAutoscalers, { namespace: plan.namespace, name: plan.autoscaler });
  const spec = source?.['spec'];
  const minimum = isRecord(spec) ? spec['minReplicas'] : undefined;
  return typeof minimum === 'number' && minimum > 1 ? minimum : 1;
}
