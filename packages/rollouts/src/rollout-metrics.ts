/** The component's own metrics. Source: Flagger, pkg/metrics/recorder.go. */

import type { Phase } from './canary.ts';
import type { Plan } from './plan.ts';

export interface RolloutMetrics {
  setStatus(plan: Plan, phase: Phase | ''): void;
  setWeight(plan: Plan, canaryWeight: number): void;
  setAnalysis(plan: Plan, metric: string, value: number): void;
  countEnd(plan: Plan, succeeded: boolean, analysed: boolean): void;
  observeTick(plan: Plan, seconds: number): void;
  setTotal(namespaces: ReadonlyMap<string, number>): void;
  /** The page /metrics. */
  text(): string;
}

type Kind = 'gauge' | 'counter' | 'histogram';

interface Family {
  readonly kind: Kind;
  readonly help: string;
  readonly values: Map<string, number>;
}

const durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, Infinity] as const;

const families = {
  flagger_info: ['gauge', 'Flagger version and mesh provider information'],
  flagger_canary_total: ['gauge', 'Total number of canary objects'],
  flagger_canary_status: ['gauge', 'Last canary analysis result, 0 progressing, 1 successful, 2 failed'],
  flagger_canary_weight: ['gauge', 'The virtual service destination weight current value'],
  flagger_canary_metric_analysis: ['gauge', 'Last canary analysis result per different metrics'],
  flagger_canary_duration_seconds: ['histogram', 'Seconds spent performing canary analysis'],
  flagger_canary_successes_total: ['counter', 'Total number of canary successes'],
  flagger_canary_failures_total: ['counter', 'Total number of canary failures'],
} as const satisfies Record<string, readonly [Kind, string]>;

type FamilyName = keyof typeof families;

/** A registry for one component. */
export function createRolloutMetrics(options: {
  readonly version: string;
  readonly meshProvider: string;
}): RolloutMetrics {
  const registry = new Map<string, Family>(
    Object.entries(families).map(([name, [kind, help]]) => [name, { kind, help, values: new Map() }]),
  );
  const write = (
    name: FamilyName,
    labels: Record<string, string>,
    update: (before: number) => number,
    suffix = '',
  ): void => {
    const values = registry.get(name)?.values;
    const key = `${name}${suffix}{${Object.entries(labels)
      .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
      .join(',')}}`;
    values?.set(key, update(values.get(key) ?? 0));
  };
  write('flagger_info', { version: options.version, mesh_provider: options.meshProvider }, () => 1);
  const identity = (plan: Plan): Record<string, string> => ({ name: plan.target, namespace: plan.namespace });
  return {
    setStatus(plan, phase) {
      write('flagger_canary_status', identity(plan), () => (phase === 'Progressing' ? 0 : phase === 'Failed' ? 2 : 1));
    },
    setWeight(plan, canaryWeight) {
      const { namespace } = plan;
      write('flagger_canary_weight', { workload: plan.primary, namespace }, () => 100 - canaryWeight);
      write('flagger_canary_weight', { workload: plan.target, namespace }, () => canaryWeight);
    },
    setAnalysis: (plan, metric, value) => {
      write('flagger_canary_metric_analysis', { ...identity(plan), metric }, () => value);
    },
    countEnd(plan, succeeded, analysed) {
      const name = succeeded ? 'flagger_canary_successes_total' : 'flagger_canary_failures_total';
      const labels = { deployment_strategy: plan.strategy, analysis_status: analysed ? 'completed' : 'skipped' };
      write(name, { ...identity(plan), ...labels }, (before) => before + 1);
    },
    observeTick(plan, seconds) {
      const labels = identity(plan);
      for (const bound of durationBuckets) {
        const le = bound === Infinity ? '+Inf' : String(bound);
        write(
          'flagger_canary_duration_seconds',
          { ...labels, le },
          (before) => before + Number(seconds <= bound),
          '_bucket',
        );
      }
      write('flagger_canary_duration_seconds', labels, (before) => before + seconds, '_sum');
      write('flagger_canary_duration_seconds', labels, (before) => before + 1, '_count');
    },
    setTotal(namespaces) {
      for (const [namespace, count] of namespaces) write('flagger_canary_total', { namespace }, () => count);
    },
    text: () => [...registry].map(([name, family]) => familyText(name, family)).join(''),
  };
}

function familyText(name: string, { kind, help, values }: Family): string {
  const lines = [...values].map(([series, value]) => `${series} ${value}\n`);
  return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join('')}`;
}
