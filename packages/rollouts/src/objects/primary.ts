/** The primary Deployment: a copy of the target under another name, label and set of configs. */

import { getIn, isRecord } from '@towpath/kit';
import type { Deployment, PodSpec, PodTemplate } from '@towpath/api';
import type { Canary } from '../canary.ts';
import { rolloutError } from '../errors.ts';
import { idFrom, revisionOf } from '../hash.ts';
import type { Plan } from '../plan.ts';
import { rewriteConfigs } from './configs.ts';
import { copiedAnnotations, ownedBy } from './metadata.ts';

/** Which revision of the target the primary was last copied from. */
export const copiedFromAnnotation = 'towpath.dev/copied-from';

/** Source: Flagger's -selector-labels. */
const selectorLabels = ['app', 'name', 'app.kubernetes.io/name'] as const;

export interface SelectorLabel {
  readonly name: string;
  readonly value: string;
}

/** The label that tells canary pods from primary pods. Throws `CANARY_INVALID` when the target has none. */
export function selectorLabelOf(target: Deployment): SelectorLabel {
  const labels = target.spec.selector.matchLabels ?? {};
  for (const name of selectorLabels) {
    const value = labels[name];
    if (value !== undefined) return { name, value };
  }
  const where = `deployment ${target.metadata.name}.${target.metadata.namespace ?? ''}`;
  throw rolloutError(
    'CANARY_INVALID',
    `${where} spec.selector.matchLabels must contain one of [${selectorLabels.join(' ')}]`,
    {
      next: 'add such a label to the selector and to the pod template',
    },
  );
}

export interface PrimaryInput {
  readonly canary: Canary;
  readonly plan: Plan;
  readonly target: Deployment;
  readonly targetHash: string;
  /** ConfigMaps and Secrets that have a primary copy. */
  readonly configs: Readonly<Record<string, string>>;
}

/** The primary as it should be right after the target's template was copied. */
export function primaryDeployment({ canary, plan, target, targetHash, configs }: PrimaryInput): Deployment {
  const label = selectorLabelOf(target);
  const primaryLabel = { [label.name]: `${label.value}-primary` };
  const { progressDeadlineSeconds, minReadySeconds, revisionHistoryLimit, strategy } = target.spec;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: plan.primary,
      namespace: plan.namespace,
      labels: primaryLabel,
      annotations: {
        ...copiedAnnotations(target.metadata.annotations),
        [copiedFromAnnotation]: revisionOf(targetHash, configs),
      },
      ownerReferences: ownedBy(canary),
    },
    spec: {
      ...(progressDeadlineSeconds !== undefined && { progressDeadlineSeconds }),
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      ...(revisionHistoryLimit !== undefined && { revisionHistoryLimit }),
      ...(strategy !== undefined && { strategy }),
      replicas: Math.max(1, target.spec.replicas ?? 1),
      selector: { matchLabels: primaryLabel },
      template: primaryTemplate({ plan, target, targetHash, configs }, label),
    },
  };
}

/** The pod template of the primary. */
export function primaryTemplate(
  { plan, target, targetHash, configs }: Omit<PrimaryInput, 'canary'>,
  label: SelectorLabel,
): PodTemplate {
  const { metadata, spec } = target.spec.template;
  const annotations = {
    ...metadata?.annotations,
    'flagger-id': idFrom(`${plan.name}/${revisionOf(targetHash, configs)}`),
  };
  return {
    metadata: {
      labels: { ...metadata?.labels, [label.name]: `${label.value}-primary` },
      annotations,
    },
    spec: renameSelectors(rewriteConfigs(spec, configs), label),
  };
}

/** Spread constraints and anti-affinity that name the canary's label have to name the primary's. */
function renameSelectors(spec: PodSpec, label: SelectorLabel): PodSpec {
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename);
    if (!isRecord(value)) return value;
    const renamed = Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rename(member)]));
    const labels = getIn(renamed, ['labelSelector', 'matchLabels']);
    if (isRecord(labels) && labels[label.name] === label.value) labels[label.name] = `${label.value}-primary`;
    return renamed;
  };
  const { topologySpreadConstraints, affinity } = spec;
  return {
    ...spec,
    ...(topologySpreadConstraints !== undefined && { topologySpreadConstraints: rename(topologySpreadConstraints) }),
    ...(affinity !== undefined && { affinity: rename(affinity) }),
  };
}
