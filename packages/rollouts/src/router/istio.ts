/** Istio: one VirtualService with two weighted destinations, one DestinationRule for each. */

import { DestinationRules, VirtualServices, type AnyObject } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';
import type { Canary } from '../canary.ts';
import { ownedBy } from '../objects/metadata.ts';
import type { Plan } from '../plan.ts';
import type { Router } from './router.ts';

/** The spec a VirtualService had before it was taken over. */
const originalAnnotation = 'flagger.kubernetes.io/original-configuration';
const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** A router over the API. Source: Flagger, pkg/router/istio.go. */
export function istioRouter(client: Client): Router {
  return {
    async apply(canary, plan, canaryWeight) {
      for (const host of [plan.service.canary, plan.service.primary]) await ensureRule(client, canary, plan, host);
      await ensureVirtualService(client, canary, plan, canaryWeight);
    },
  };
}

async function ensureRule(client: Client, canary: Canary, plan: Plan, host: string): Promise<void> {
  const { trafficPolicy } = plan.service;
  const spec = { host, ...(trafficPolicy !== undefined && { trafficPolicy }) };
  const key = { namespace: plan.namespace, name: host };
  const live = await client.get(DestinationRules, key);
  if (live === undefined) {
    await client.create(DestinationRules, {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'DestinationRule',
      metadata: { ...key, ownerReferences: ownedBy(canary) },
      spec,
    });
  } else if (!jsonEqual(live['spec'], spec)) await client.update(DestinationRules, { ...live, spec });
}

async function ensureVirtualService(client: Client, canary: Canary, plan: Plan, canaryWeight: number): Promise<void> {
  const spec = virtualServiceSpec(plan, canaryWeight);
  const key = { namespace: plan.namespace, name: plan.service.apex };
  const live = await client.get(VirtualServices, key);
  if (live === undefined) {
    const made = {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'VirtualService',
      metadata: { ...key, ownerReferences: ownedBy(canary) },
      spec,
    };
    try {
      await client.create(VirtualServices, made);
    } catch (error) {
      // Someone was faster: the next round takes it over.
      if (!isAlreadyExists(error)) throw error;
    }
    return;
  }
  if (jsonEqual(live['spec'], spec)) return;
  await client.update(VirtualServices, { ...takenOver(live, canary), spec });
}

function takenOver(live: AnyObject, canary: Canary): AnyObject {
  const annotations = live.metadata.annotations ?? {};
  const owned = live.metadata.ownerReferences?.some(({ uid }) => uid === canary.metadata.uid) === true;
  const known = annotations[originalAnnotation] !== undefined || annotations[lastAppliedAnnotation] !== undefined;
  if (owned || known) return live;
  const original = JSON.stringify(live['spec']);
  return { ...live, metadata: { ...live.metadata, annotations: { ...annotations, [originalAnnotation]: original } } };
}

type Route = Record<string, unknown>;

/** The whole spec for a weight. A/B: matched requests first, then everything to the primary. */
function virtualServiceSpec(plan: Plan, canaryWeight: number): Record<string, unknown> {
  const { service } = plan;
  const hosts = service.hosts ?? [];
  const gateways = service.gateways ?? [];
  const withApex = hosts.includes(service.apex) || hosts.includes('*') ? hosts : [...hosts, service.apex];
  return {
    hosts: withApex,
    gateways: gateways.length === 0 ? ['mesh'] : gateways,
    http:
      plan.strategy === 'ab-testing'
        ? abRoutes(plan, canaryWeight)
        : [weightedRoute(plan, service.match, canaryWeight)],
  };
}

function weightedRoute(plan: Plan, match: readonly unknown[] | undefined, canaryWeight: number): Route {
  const { service } = plan;
  const destination = (host: string, weight: number): Route => ({ destination: { host }, weight });
  return {
    ...(match !== undefined && match.length > 0 && { match }),
    ...routeExtras(plan),
    route: [destination(service.primary, 100 - canaryWeight), destination(service.canary, canaryWeight)],
  };
}

function routeExtras({ service }: Plan): Route {
  const { rewrite, timeout, retries, corsPolicy, headers } = service;
  return {
    ...(rewrite !== undefined && { rewrite }),
    ...(timeout !== undefined && { timeout }),
    ...(retries !== undefined && { retries }),
    ...(corsPolicy !== undefined && { corsPolicy }),
    ...(headers !== undefined && { headers }),
  };
}

function abRoutes(plan: Plan, canaryWeight: number): Route[] {
  const { match: own } = plan.service;
  const both = plan.match.flatMap((test) => {
    if (own === undefined || own.length === 0) return [test];
    return own.map((base) => mergeMatch(base, test));
  });
  const fallback = {
    ...(own !== undefined && own.length > 0 && { match: own }),
    ...routeExtras(plan),
    route: [{ destination: { host: plan.service.primary }, weight: 100 }],
  };
  return [weightedRoute(plan, both, canaryWeight), fallback];
}

function mergeMatch(base: Record<string, unknown>, test: Record<string, unknown>): Record<string, unknown> {
  const headers = {
    ...(isRecord(base['headers']) ? base['headers'] : {}),
    ...(isRecord(test['headers']) ? test['headers'] : {}),
  };
  return { ...base, ...test, ...(Object.keys(headers).length > 0 && { headers }) };
}
