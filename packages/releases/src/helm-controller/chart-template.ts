/** The HelmChart object that `spec.chart` stands for: made, kept and removed by the HelmRelease. */

import type { AnyObject, Key } from '@towpath/api';
import { goDurationText, messageOf } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { HelmRelease, HelmReleaseStatus } from './helm-release.ts';
import { helmGroup } from './helm-release.ts';
import { durationMsOf, namespaceOf } from './settings.ts';
import { sourceGroup, sourceTypes } from './source.ts';

export interface TemplateDeps {
  readonly client: Client;
  /** False with --no-cross-namespace-refs. */
  readonly crossNamespaceRefs: boolean;
  /** A Normal event on the HelmRelease. */
  readonly event: (reason: string, message: string) => Promise<void>;
}

/** `namespace-name`, in the namespace of the source it refers to. */
export function chartKeyOf(object: HelmRelease): Required<Key> | undefined {
  const template = object.spec.chart;
  if (template === undefined) return undefined;
  return {
    namespace: template.spec.sourceRef.namespace || namespaceOf(object),
    name: `${namespaceOf(object)}-${object.metadata.name}`,
  };
}

/** Brings the HelmChart to the template and writes its name in `status`; removes what is no longer asked for. */
export async function reconcileChart(
  object: HelmRelease,
  status: HelmReleaseStatus,
  deps: TemplateDeps,
): Promise<void> {
  const key = chartKeyOf(object);
  const wanted = key === undefined ? '' : `${key.namespace}/${key.name}`;
  const known = status.helmChart ?? '';
  const isDeleting = object.metadata.deletionTimestamp !== undefined;
  if (known !== '' && (known !== wanted || isDeleting)) await removeChart(object, status, deps);
  if (isDeleting || key === undefined || object.spec.chartRef !== undefined) return;
  refuseOtherNamespace(object, key, deps);
  await applyChart(object, key, deps);
  status.helmChart = wanted;
}

async function removeChart(object: HelmRelease, status: HelmReleaseStatus, deps: TemplateDeps): Promise<void> {
  const known = status.helmChart ?? '';
  const [namespace = '', name = ''] = known.split('/');
  refuseOtherNamespace(object, { namespace, name }, deps);
  try {
    const live = await deps.client.get(sourceTypes.HelmChart, { namespace, name });
    if (live !== undefined) {
      await deps.client.delete(sourceTypes.HelmChart, { namespace, name });
      await deps.event('HelmChartDeleted', `deleted HelmChart '${known}'`);
    }
  } catch (error) {
    throw new Error(`failed to delete HelmChart '${known}': ${messageOf(error)}`, { cause: error });
  }
  delete status.helmChart;
}

async function applyChart(object: HelmRelease, key: Required<Key>, deps: TemplateDeps): Promise<void> {
  const chart = chartOf(object, key);
  let before: AnyObject | undefined;
  let after: AnyObject;
  try {
    before = await deps.client.get(sourceTypes.HelmChart, key);
    if (before !== undefined && isSame(chart, before)) return;
    after = await deps.client.patch(sourceTypes.HelmChart, key, chart, { kind: 'apply', force: true });
  } catch (error) {
    const message = `failed to run server-side apply: ${messageOf(error)}`;
    await deps.event('HelmChartSyncErr', message);
    throw new Error(message, { cause: error });
  }
  if (before?.metadata.resourceVersion === after.metadata.resourceVersion) return;
  const what = before === undefined ? 'Created' : 'Configured';
  const { sourceRef } = object.spec.chart?.spec ?? {};
  const source = `${sourceRef?.kind ?? 'HelmRepository'}/${key.namespace}/${sourceRef?.name ?? ''}`;
  await deps.event(`HelmChart${what}`, `${what} HelmChart/${key.namespace}/${key.name} with SourceRef '${source}'`);
}

/** Everything that would be applied is there already: nothing is sent. */
function isSame(wanted: unknown, live: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(live) && wanted.length === live.length && wanted.every((item, index) => isSame(item, live[index]))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return wanted === live;
  if (typeof live !== 'object' || live === null) return false;
  const members = live as Record<string, unknown>;
  return Object.entries(wanted).every(([name, value]) => value === undefined || isSame(value, members[name]));
}

function chartOf(object: HelmRelease, key: Required<Key>): AnyObject {
  const template = object.spec.chart;
  const given = template?.spec;
  const { sourceRef, verify } = given ?? {};
  const labels = {
    ...template?.metadata?.labels,
    [`${helmGroup}/name`]: object.metadata.name,
    [`${helmGroup}/namespace`]: namespaceOf(object),
  };
  const annotations = template?.metadata?.annotations;
  return {
    apiVersion: `${sourceGroup}/v1`,
    kind: 'HelmChart',
    metadata: { ...key, labels, ...(annotations !== undefined && { annotations }) },
    spec: {
      chart: given?.chart,
      ...(given?.version !== undefined && { version: given.version }),
      sourceRef: { kind: sourceRef?.kind, name: sourceRef?.name },
      interval: goDurationText(durationMsOf(given?.interval ?? object.spec.interval, 0)),
      ...(given?.reconcileStrategy !== undefined && { reconcileStrategy: given.reconcileStrategy }),
      ...(given?.valuesFiles !== undefined && { valuesFiles: given.valuesFiles }),
      ...(given?.ignoreMissingValuesFiles === true && { ignoreMissingValuesFiles: true }),
      ...(verify !== undefined && { verify }),
    },
  };
}

/** A reference to another namespace that the controller does not follow: `AccessDenied`. */
export class AccessDenied extends Error {
  override readonly name = 'AccessDenied';
}

/** Throws {@link AccessDenied} where --no-cross-namespace-refs forbids it. */
export function refuseOtherNamespace(
  object: HelmRelease,
  key: Required<Key>,
  { crossNamespaceRefs }: { readonly crossNamespaceRefs: boolean },
  kind = 'HelmChart',
): void {
  if (crossNamespaceRefs || key.namespace === namespaceOf(object)) return;
  throw new AccessDenied(
    `cross-namespace references are not allowed: cannot access ${kind} ${key.namespace}/${key.name}`,
  );
}
