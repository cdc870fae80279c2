/** The canaries with their weights, limits and where they stand. */

import type { AnyObject, Pod } from '@towpath/api';
import { getIn } from '@towpath/kit';
import type { CanaryCard, Level, Threshold } from './model.ts';
import { listAt, numberAt, textAt } from './read.ts';
import { isOver } from './releases.ts';

/** One card per Canary, by name. */
export function canaryCards(canaries: readonly AnyObject[], pods: readonly Pod[]): CanaryCard[] {
  return canaries
    .map((canary) => canaryCard(canary, pods))
    .toSorted((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
}

function canaryCard(canary: AnyObject, pods: readonly Pod[]): CanaryCard {
  const { name, namespace = '' } = canary.metadata;
  const analysis = getIn(canary, ['spec', 'analysis']) ?? getIn(canary, ['spec', 'canaryAnalysis']);
  const phase = textAt(canary, ['status', 'phase']) ?? 'Initializing';
  const target = textAt(canary, ['spec', 'targetRef', 'name']) ?? name;
  return {
    namespace,
    name,
    target,
    phase,
    level: levelOfPhase(phase),
    weightPercent: numberAt(canary, ['status', 'canaryWeight']) ?? 0,
    stepsPercent: stepsOf(analysis),
    failedChecks: numberAt(canary, ['status', 'failedChecks']) ?? 0,
    failedChecksLimit: Math.max(1, numberAt(analysis, ['threshold']) ?? 1),
    interval: textAt(analysis, ['interval']) ?? '60s',
    successRate: thresholdOf(analysis, 'request-success-rate', 'min'),
    durationMs: thresholdOf(analysis, 'request-duration', 'max'),
    message: textAt(listAt(canary, ['status', 'conditions'])[0], ['message']) ?? '',
    diagnosis: textAt(canary, ['status', 'diagnosis', 'message']),
    primaryTag: tagOf(pods, namespace, `${target}-primary`),
    canaryTag: tagOf(pods, namespace, target),
    changedAt: textAt(canary, ['status', 'lastTransitionTime']),
  };
}

/** Phases in which a canary is at rest, well or badly; in the others it is at work. */
function levelOfPhase(phase: string): Level {
  if (phase === 'Failed') return 'bad';
  return phase === 'Succeeded' || phase === 'Initialized' ? 'good' : 'busy';
}

/** The weights an analysis goes through. Source: Flagger, while weight < maxWeight: weight += stepWeight. */
export function stepsOf(analysis: unknown): number[] {
  const listed = listAt(analysis, ['stepWeights']).filter((weight): weight is number => typeof weight === 'number');
  if (listed.length > 0) return listed;
  const step = numberAt(analysis, ['stepWeight']) ?? 0;
  const max = numberAt(analysis, ['maxWeight']) ?? 100;
  if (step <= 0) return [];
  const steps: number[] = [];
  for (let weight = step; ; weight += step) {
    steps.push(Math.min(100, weight));
    if (weight >= Math.min(100, max)) return steps;
  }
}

/** `threshold` is the old form: a minimum for the success rate, a maximum for anything else. */
function thresholdOf(analysis: unknown, metric: string, old: 'min' | 'max'): Threshold {
  const found = listAt(analysis, ['metrics']).find((entry) => textAt(entry, ['name']) === metric);
  const threshold = numberAt(found, ['threshold']);
  return {
    min: numberAt(found, ['thresholdRange', 'min']) ?? (old === 'min' ? threshold : undefined),
    max: numberAt(found, ['thresholdRange', 'max']) ?? (old === 'max' ? threshold : undefined),
  };
}

/** The tag of the newest pod's first own container. */
function tagOf(pods: readonly Pod[], namespace: string, app: string): string | undefined {
  const newest = pods
    .filter((pod) => pod.metadata.namespace === namespace && pod.metadata.labels?.['app'] === app && !isOver(pod))
    .toSorted((left, right) =>
      (left.metadata.creationTimestamp ?? '') < (right.metadata.creationTimestamp ?? '') ? 1 : -1,
    )[0];
  const image = newest?.spec.containers.find((container) => container.name !== 'istio-proxy')?.image;
  const colon = image?.lastIndexOf(':') ?? -1;
  return image === undefined || colon < image.lastIndexOf('/') ? undefined : image.slice(colon + 1);
}
