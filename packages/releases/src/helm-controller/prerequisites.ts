/** What has to be there before a release can be made: what is asked for is supported, dependencies, source, chart, values. */

import { keyOf, keyText, type AnyObject } from '@towpath/api';
import { codeOf, goDurationText, messageOf } from '@towpath/kit';
import { isConditionTrue } from '@towpath/api';
import { hasCode } from '../errors.ts';
import { AccessDenied, refuseOtherNamespace } from './chart-template.ts';
import { findIn, mark, markStalled, remove, type Draft } from './conditions.ts';
import type { ControllerDeps } from './deps.ts';
import { HelmReleasesV2, type HelmRelease } from './helm-release.ts';
import { namespaceOf } from './settings.ts';
import {
  artifactGone,
  artifactOf,
  artifactText,
  getSource,
  sourceRefOf,
  whyNotReady,
  type Artifact,
  type LoadedChart,
} from './source.ts';
import { composeValues, type ComposedValues } from './values.ts';

/** Everything is there, or the conditions say what is missing. */
export type Prerequisites =
  | {
      readonly type: 'ready';
      readonly values: ComposedValues;
      readonly artifact: Artifact;
      readonly loaded: LoadedChart;
    }
  /** An event, or this time, brings it back. */
  | { readonly type: 'wait'; readonly afterMs: number }
  /** To be tried again soon. */
  | { readonly type: 'retry'; readonly error: unknown }
  /** Only a change of the object helps. */
  | { readonly type: 'refused'; readonly error: unknown };

interface Saying {
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => Promise<void>;
}

/** Members of the spec that Towpath does not do; undefined when there is none. */
export function unsupported({ spec }: HelmRelease): string | undefined {
  if (spec.kubeConfig !== undefined) return 'spec.kubeConfig is not supported: releases go to this cluster only';
  if ((spec.healthCheckExprs ?? []).length > 0) return 'spec.healthCheckExprs is not supported: remove it';
  const withExpr = spec.dependsOn?.find(({ readyExpr }) => readyExpr !== undefined && readyExpr !== '');
  if (withExpr !== undefined) return `spec.dependsOn[${withExpr.name}].readyExpr is not supported: remove it`;
  return undefined;
}

/** Reads everything in the order of Flux, whose reasons and messages the conditions get. */
export async function gather(draft: Draft, deps: ControllerDeps, { event }: Saying): Promise<Prerequisites> {
  const { object } = draft;
  const dependency = await dependencyNotReady(object, deps);
  if (dependency !== undefined) {
    mark(draft, 'Ready', 'False', 'DependencyNotReady', dependency);
    await event('Normal', 'DependencyNotReady', dependency);
    return { type: 'wait', afterMs: deps.requeueDependencyMs };
  }
  resume(draft, 'DependencyNotReady');
  const found = await findSource(draft, deps, event);
  if (!('source' in found)) return found;
  const { source } = found;
  resume(draft, 'AccessDenied', 'ArtifactFailed');
  const name = keyText(keyOf(object));
  const notReady = whyNotReady(source);
  const artifact = artifactOf(source);
  if (notReady !== undefined || artifact === undefined) {
    mark(draft, 'Ready', 'False', 'SourceNotReady', notReady ?? 'does not have an artifact');
    deps.memory.found.delete(name);
    return { type: 'wait', afterMs: deps.requeueDependencyMs };
  }
  resume(draft, 'SourceNotReady');
  deps.memory.found.set(name, artifactText(artifact));
  let values: ComposedValues;
  try {
    values = await composeValues(object, deps.client);
  } catch (error) {
    mark(draft, 'Ready', 'False', 'ValuesError', messageOf(error));
    await event('Warning', 'ValuesError', messageOf(error));
    return { type: 'retry', error };
  }
  resume(draft, 'ValuesError');
  return loadChart(draft, deps, { source, artifact, values, event });
}

async function loadChart(
  draft: Draft,
  deps: ControllerDeps,
  { source, artifact, values, event }: { source: AnyObject; artifact: Artifact; values: ComposedValues } & Saying,
): Promise<Prerequisites> {
  try {
    const loaded = await deps.charts.load(source, artifact);
    resume(draft, 'ArtifactFailed');
    return { type: 'ready', values, artifact, loaded };
  } catch (error) {
    const message = messageOf(error);
    if (message === artifactGone) {
      const again = goDurationText(deps.requeueDependencyMs);
      const text = `Source not ready: artifact not found. Retrying in ${again}`;
      mark(draft, 'Ready', 'False', 'ArtifactFailed', text);
      return { type: 'wait', afterMs: deps.requeueDependencyMs };
    }
    if (hasCode(error, 'CHART_SOURCE_INVALID')) {
      mark(draft, 'Ready', 'False', 'ChartMutateError', message);
      return { type: 'retry', error };
    }
    mark(draft, 'Ready', 'False', 'ArtifactFailed', `Could not load chart: ${message}`);
    await event('Warning', 'ArtifactFailed', message);
    return { type: 'retry', error };
  }
}

async function findSource(
  draft: Draft,
  deps: ControllerDeps,
  event: Saying['event'],
): Promise<{ source: AnyObject } | Prerequisites> {
  const { object } = draft;
  const ref = sourceRefOf(object, draft.status.helmChart);
  try {
    if (ref === undefined) throw new Error('there is no HelmChart yet');
    refuseOtherNamespace(object, ref, deps, ref.kind);
    const source = await getSource(ref, deps.client);
    if (source !== undefined) return { source };
    const plural = `${ref.kind.toLowerCase().replace(/y$/, 'ie')}s.source.toolkit.fluxcd.io`;
    throw new Error(`${plural} "${ref.name}" not found`);
  } catch (error) {
    if (!(error instanceof AccessDenied)) {
      if (codeOf(error) !== undefined) throw error;
      mark(draft, 'Ready', 'False', 'ArtifactFailed', `could not get Source object: ${messageOf(error)}`);
      return { type: 'retry', error };
    }
    markStalled(draft, 'AccessDenied', error.message);
    mark(draft, 'Ready', 'False', 'AccessDenied', error.message);
    remove(draft, 'Reconciling');
    await event('Warning', 'AccessDenied', error.message);
    return { type: 'refused', error };
  }
}

async function dependencyNotReady(object: HelmRelease, { client }: ControllerDeps): Promise<string | undefined> {
  for (const dependency of object.spec.dependsOn ?? []) {
    const key = { namespace: dependency.namespace || namespaceOf(object), name: dependency.name };
    const live = await client.get(HelmReleasesV2, key);
    if (live === undefined) {
      const missing = `helmreleases.helm.toolkit.fluxcd.io "${key.name}" not found`;
      return `unable to get '${keyText(key)}' dependency: ${missing}`;
    }
    const isObserved = live.metadata.generation === live.status?.observedGeneration;
    if (!isObserved || !isConditionTrue(live.status?.conditions, 'Ready')) {
      return `dependency '${keyText(key)}' is not ready`;
    }
  }
  return undefined;
}

/** What was in the way has gone: Ready is open again. */
function resume(draft: Draft, ...reasons: readonly string[]): void {
  if (!reasons.includes(findIn(draft, 'Ready')?.reason ?? '')) return;
  mark(draft, 'Ready', 'Unknown', 'Progressing', 'reconciliation in progress');
}
