/** The three Services of a canary: apex and primary select the primary's pods, canary selects the target's. */

import { Services, type Service } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { Canary } from '../canary.ts';
import type { Plan } from '../plan.ts';
import { ownedBy } from './metadata.ts';
import type { SelectorLabel } from './primary.ts';

export interface ServiceInput {
  readonly client: Client;
  readonly canary: Canary;
  readonly plan: Plan;
  readonly label: SelectorLabel;
}

/** Creates or mends `…-primary` and `…-canary`. */
export async function ensureBackends({ client, canary, plan, label }: ServiceInput): Promise<void> {
  const { primary, canary: canaryName } = plan.service;
  await ensureService(client, serviceFor(canary, plan, canaryName, { [label.name]: label.value }, label));
  await ensureService(client, serviceFor(canary, plan, primary, { [label.name]: `${label.value}-primary` }, label));
}

/** Creates the apex Service or takes over the one that is there: its selector and ports become ours. */
export async function ensureApex({ client, canary, plan, label }: ServiceInput): Promise<void> {
  const selector = { [label.name]: `${label.value}-primary` };
  await ensureService(client, serviceFor(canary, plan, plan.service.apex, selector, label));
}

function serviceFor(
  canary: Canary,
  plan: Plan,
  name: string,
  selector: Record<string, string>,
  label: SelectorLabel,
): Service {
  const { port, portName, targetPort, appProtocol } = plan.service;
  const extra = metadataFor(plan, name);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: plan.namespace,
      labels: { ...extra.labels, [label.name]: name },
      ...(extra.annotations !== undefined && { annotations: extra.annotations }),
      ownerReferences: ownedBy(canary),
    },
    spec: {
      type: 'ClusterIP',
      selector,
      ports: [
        {
          name: portName ?? 'http',
          protocol: 'TCP',
          port,
          targetPort: targetPort ?? port,
          ...(appProtocol !== undefined && { appProtocol }),
        },
      ],
    },
  };
}

/** `service.apex`, `service.primary`, `service.canary`: labels and annotations to add. */
function metadataFor(
  plan: Plan,
  name: string,
): { labels?: Record<string, string>; annotations?: Record<string, string> } {
  const member = name === plan.service.apex ? 'apex' : name === plan.service.primary ? 'primary' : 'canary';
  // `primary` and `canary` of a plan are names; the user's wishes are kept under `…Metadata`.
  const wishes = plan.service[`${member}Metadata`];
  return isRecord(wishes) ? wishes : {};
}

async function ensureService(client: Client, wanted: Service): Promise<void> {
  const { namespace, name } = wanted.metadata;
  const key = { ...(namespace !== undefined && { namespace }), name };
  const live = await client.get(Services, key);
  if (live === undefined) {
    await client.create(Services, wanted);
    return;
  }
  const spec: Record<string, unknown> = {};
  if (!jsonEqual(live.spec.selector ?? {}, wanted.spec.selector)) {
    spec['selector'] = replacing(live.spec.selector ?? {}, wanted.spec.selector ?? {});
  }
  if (!samePorts(live, wanted)) spec['ports'] = wanted.spec.ports;
  if (Object.keys(spec).length > 0) await client.patch(Services, key, { spec }, { kind: 'merge' });
}

/** A merge patch that turns one map into another. */
function replacing(live: Record<string, string>, wanted: Record<string, string>): Record<string, string | null> {
  const gone = Object.keys(live).filter((name) => wanted[name] === undefined);
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...wanted };
}

/** Node ports and other ports of an adopted Service are left alone. */
function samePorts(live: Service, wanted: Service): boolean {
  return (wanted.spec.ports ?? []).every((port) => {
    return (live.spec.ports ?? []).some((other) => {
      return other.port === port.port && String(other.targetPort ?? other.port) === String(port.targetPort);
    });
  });
}
