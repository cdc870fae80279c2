/** Which canaries a commit starts, and whether they can succeed: a pure function of what was found. */

import { parseApiVersion, type AnyObject } from '@towpath/api';
import { getIn, isRecord, jsonEqual, parseGoDuration } from '@towpath/kit';
import { diagnose, readPlan, subjectOf, type Canary, type Plan } from '@towpath/rollouts';
import type { Change } from './compare.ts';
import type { CanaryForecast, CanaryProblem } from './report.ts';

/** Who calls a canary's service, from metrics of the last minutes. */
export interface Caller {
  readonly workload: string;
  readonly namespace: string;
  readonly host: string;
  readonly isGateway: boolean;
  /** Requests per second. */
  readonly rate: number;
}

/** What the cluster says about one canary; undefined is not known. */
export interface CanaryFacts {
  readonly metricsError?: string | undefined;
  readonly callers?: readonly Caller[] | undefined;
  readonly namespaceLabels?: Readonly<Record<string, string>> | undefined;
}

export interface ForecastInput {
  readonly changes: readonly Change[];
  /** As they would be: of the commit, and live ones that it does not touch. */
  readonly canaries: readonly { readonly canary: Canary; readonly isNew: boolean }[];
  /** Every Deployment the commit leaves behind, as far as known. */
  readonly workloads: readonly AnyObject[];
  readonly facts: (canary: Canary) => CanaryFacts;
  readonly metricsServer: string;
}

export function forecastCanaries(input: ForecastInput): CanaryForecast[] {
  return input.canaries.flatMap((entry) => forecastOne(entry, input) ?? []);
}

function forecastOne(
  { canary, isNew }: ForecastInput['canaries'][number],
  input: ForecastInput,
): CanaryForecast | undefined {
  const { namespace = 'default', name } = canary.metadata;
  const trigger = isNew ? 'the canary is new' : triggerOf(canary, input.changes);
  if (trigger === undefined) return undefined;
  const { plan, refusals } = readPlan(canary, { meshProvider: 'istio', metricsServer: input.metricsServer });
  const target = canary.spec.targetRef?.name ?? '';
  const base = { namespace, name, target, because: trigger };
  if (plan === undefined) {
    const problems = refusals.map((message) => problem('fails', 'refused', message, 'correct the Canary'));
    return { ...base, starts: 'refused', weights: [], intervalSeconds: 0, atLeastSeconds: 0, threshold: 0, problems };
  }
  const checks = plan.iterations > 0 ? plan.iterations : plan.weights.length;
  return {
    ...base,
    starts: isNew ? 'initialize' : plan.skipAnalysis ? 'skip' : 'analysis',
    weights: plan.weights,
    intervalSeconds: plan.intervalMs / 1000,
    // One interval a step, one for the promotion and one to finish. Source: Flagger's scheduler.
    atLeastSeconds: ((checks + 2) * plan.intervalMs) / 1000,
    threshold: plan.threshold,
    problems: problemsOf(plan, input, input.facts(canary)),
  };
}

/** Flagger starts when the target's pod template, or a ConfigMap or Secret it uses, changes. */
function triggerOf(canary: Canary, changes: readonly Change[]): string | undefined {
  const { kind, name } = canary.spec.targetRef;
  const here = changes.filter(({ after }) => after?.object.metadata.namespace === canary.metadata.namespace);
  const target = here.find(({ after }) => after?.object.kind === kind && after.object.metadata.name === name);
  if (target?.action === 'create') return `${kind} ${name} is new`;
  if (target !== undefined) {
    const template = (side: AnyObject | undefined): unknown => getIn(side, ['spec', 'template']);
    if (!jsonEqual(template(target.before?.object), template(target.after?.object))) {
      const fields = target.fields.filter(({ path }) => path.startsWith('spec.template.'));
      return `${kind} ${name} changes ${fields
        .map(({ path }) => path.replace('spec.template.spec.', ''))
        .slice(0, 3)
        .join(', ')}`;
    }
  }
  const config = here.find(({ action, after }) => {
    return action === 'update' && after !== undefined && /^(ConfigMap|Secret)$/.test(after.object.kind);
  });
  return config === undefined || !usesConfig(config, canary, changes)
    ? undefined
    : `${config.after?.object.kind} ${config.after?.object.metadata.name} changes`;
}

function usesConfig(config: Change, canary: Canary, changes: readonly Change[]): boolean {
  const { kind, name } = canary.spec.targetRef;
  const target = changes.find(({ after }) => after?.object.kind === kind && after.object.metadata.name === name);
  const template = JSON.stringify(getIn(target?.after?.object, ['spec', 'template']) ?? {});
  return template.includes(`"name":${JSON.stringify(config.after?.object.metadata.name)}`);
}

function problemsOf(plan: Plan, input: ForecastInput, facts: CanaryFacts): CanaryProblem[] {
  const target = input.workloads.find(({ kind, metadata }) => {
    return kind === plan.targetKind && metadata.name === plan.target && metadata.namespace === plan.namespace;
  });
  const static_ = [...targetProblems(plan, target, facts), ...thresholdProblems(plan)];
  if (facts.metricsError !== undefined) {
    const next = 'start it, or correct metricsServer';
    return [
      ...static_,
      problem('fails', 'provider-down', `metrics server ${plan.metricsServer}: ${facts.metricsError}`, next),
    ];
  }
  return [...static_, ...(plan.skipAnalysis ? [] : trafficProblems(plan, input, facts))];
}

const selectorLabels = ['app', 'name', 'app.kubernetes.io/name'];

function targetProblems(plan: Plan, target: AnyObject | undefined, { namespaceLabels }: CanaryFacts): CanaryProblem[] {
  const name = `${plan.targetKind} ${plan.namespace}/${plan.target}`;
  if (target === undefined) {
    return [
      problem(
        'fails',
        'target-missing',
        `${name} is neither in the commit nor in the cluster`,
        'correct spec.targetRef.name',
      ),
    ];
  }
  const found: CanaryProblem[] = [];
  const selector = recordAt(target, ['spec', 'selector', 'matchLabels']);
  const labels = recordAt(target, ['spec', 'template', 'metadata', 'labels']);
  const [key, value] = Object.entries(selector).find(([label, text]) => labels[label] !== text) ?? [];
  if (key !== undefined) {
    const message = `${name} selects ${key}=${String(value)}, but its pods are labelled ${key}=${String(labels[key] ?? '(nothing)')}`;
    found.push(problem('fails', 'selector-mismatch', message, 'give the pod template the labels of the selector'));
  }
  if (!selectorLabels.some((label) => label in selector)) {
    const message = `${name} has none of the labels ${selectorLabels.join(', ')} in spec.selector.matchLabels`;
    found.push(
      problem(
        'fails',
        'selector-mismatch',
        message,
        'select by one of them: the canary tells primary and canary apart by it',
      ),
    );
  }
  const inject = String(
    recordAt(target, ['spec', 'template', 'metadata', 'annotations'])['sidecar.istio.io/inject'] ??
      labels['sidecar.istio.io/inject'] ??
      '',
  );
  const isMeshed =
    inject === 'true' ||
    (inject !== 'false' &&
      (namespaceLabels === undefined ||
        namespaceLabels['istio-injection'] === 'enabled' ||
        'istio.io/rev' in namespaceLabels));
  if (!isMeshed) {
    const message =
      inject === 'false'
        ? `${name} switches its sidecar off`
        : `namespace ${plan.namespace} is not labelled istio-injection=enabled: pods get no sidecar`;
    found.push(
      problem(
        'fails',
        'no-sidecar',
        `${message}, and nothing counts their requests`,
        'label the namespace and restart its pods',
      ),
    );
  }
  return found;
}

function thresholdProblems(plan: Plan): CanaryProblem[] {
  return plan.metrics.flatMap(({ name, kind, threshold, interval }) => {
    const found: CanaryProblem[] = [];
    const { min, max } = threshold;
    const isRatio = kind === 'request-success-rate';
    if (
      (isRatio && min !== undefined && min > 100) ||
      (min !== undefined && max !== undefined && min > max) ||
      (max !== undefined && max < 0)
    ) {
      const message = `metric ${name} can never be within its threshold (min ${min ?? '-'}, max ${max ?? '-'})`;
      found.push(problem('fails', 'threshold-impossible', message, 'correct thresholdRange'));
    }
    const windowMs = parseGoDuration(interval) ?? 60_000;
    if (windowMs > plan.intervalMs) {
      const message = `metric ${name} looks back ${interval}, longer than the ${plan.intervalMs / 1000}s between checks: one burst of errors fails ${Math.ceil(windowMs / plan.intervalMs)} checks`;
      found.push(
        problem(
          'warning',
          'window-overlaps',
          message,
          'make analysis.interval at least as long as the metric interval',
        ),
      );
    }
    return found;
  });
}

function trafficProblems(plan: Plan, input: ForecastInput, { callers }: CanaryFacts): CanaryProblem[] {
  if (plan.metrics.length === 0) return [];
  const interval = plan.metrics[0]?.interval ?? '1m';
  const bypass = callers === undefined || callers.length === 0 ? staticBypass(plan, input.workloads) : undefined;
  if (callers === undefined) return bypass === undefined ? [] : [bypass];
  const diagnosis = diagnose({
    ...subjectOf(plan),
    interval,
    providerError: undefined,
    address: plan.metricsServer,
    pods: [plan.target],
    podsWithoutSidecar: [],
    hasRequestSeries: false,
    samplesInInterval: 0,
    canaryRate: 0,
    primarySources: callers,
  });
  const routed = routedCallers(plan, callers);
  if (callers.length === 0) {
    return [
      bypass ??
        problem(
          'fails',
          'no-traffic',
          `nothing calls ${plan.service.apex}.${plan.namespace}: a check without requests fails`,
          'start a load, or add a rollout webhook that makes one',
        ),
    ];
  }
  if (routed.length === 0) {
    const [message = '', next = 'send the load through it'] = diagnosis.message.split(/: (?=send |inject |add )/);
    return [problem('fails', diagnosis.cause, message, next)];
  }
  return rateProblems(
    plan,
    routed.reduce((sum, { rate }) => sum + rate, 0),
  );
}

/** Callers whose requests the canary's routes can divide. */
function routedCallers(plan: Plan, callers: readonly Caller[]): readonly Caller[] {
  const gateways = plan.service.gateways ?? [];
  const takesMesh = gateways.length === 0 || gateways.includes('mesh');
  const takesGateway = gateways.some((gateway) => gateway !== 'mesh');
  return callers.filter(({ isGateway, workload }) => (isGateway ? takesGateway : takesMesh && workload !== 'unknown'));
}

function rateProblems(plan: Plan, rate: number): CanaryProblem[] {
  const [weight = 100] = plan.weights;
  const share = (plan.strategy === 'canary' ? weight : 100) / 100;
  return plan.metrics.flatMap(({ name, kind, interval, threshold }) => {
    const windowSeconds = (parseGoDuration(interval) ?? 60_000) / 1000;
    const requests = rate * share * windowSeconds;
    const shown = `about ${requests < 10 ? requests.toFixed(1) : Math.round(requests)} requests reach the canary in ${interval} at ${weight}% of ${rate.toFixed(1)} requests/s`;
    if (requests < 1) {
      return [
        problem(
          'fails',
          'too-few-requests',
          `metric ${name}: ${shown}: most checks find no values and fail`,
          'send more load, raise stepWeight, or lengthen the metric interval',
        ),
      ];
    }
    const allowed =
      kind === 'request-success-rate' && threshold.min !== undefined ? (100 - threshold.min) / 100 : undefined;
    if (allowed !== undefined && allowed > 0 && requests * allowed < 1) {
      const message = `metric ${name}: ${shown}: a single error is below ${threshold.min}%; ${Math.ceil(1 / allowed)} are needed for the threshold to tell anything`;
      return [
        problem(
          'warning',
          'too-few-requests',
          message,
          'send more load, raise stepWeight, or lengthen the metric interval',
        ),
      ];
    }
    return [];
  });
}

/** Load that calls the service by its in-cluster name while the canary routes a gateway only. */
function staticBypass(plan: Plan, workloads: readonly AnyObject[]): CanaryProblem | undefined {
  const gateways = plan.service.gateways ?? [];
  if (gateways.length === 0 || gateways.includes('mesh')) return undefined;
  const { apex } = plan.service;
  const own = new RegExp(
    `^(?:https?://)?${apex.replaceAll('.', '\\.')}(?:\\.${plan.namespace}(?:\\.svc(?:\\.cluster\\.local)?)?)?(?::\\d+)?(?:/|$)`,
  );
  for (const workload of workloads) {
    const { namespace = '', name } = workload.metadata;
    for (const { key, value } of settingsOf(workload)) {
      if (!own.test(value) || (namespace !== plan.namespace && !value.includes(`.${plan.namespace}`))) continue;
      const message = `load bypasses the canary: ${workload.kind} ${namespace}/${name} calls ${value} (${key}) inside the mesh, but the Canary routes only gateway ${gateways.join(', ')}`;
      return problem(
        'fails',
        'traffic-bypasses-canary',
        message,
        'send the load to that gateway, or add mesh to spec.service.gateways',
      );
    }
  }
  return undefined;
}

function settingsOf(workload: AnyObject): { key: string; value: string }[] {
  const containers = getIn(workload, ['spec', 'template', 'spec', 'containers']);
  return (Array.isArray(containers) ? containers.filter(isRecord) : []).flatMap((container) => {
    const env = Array.isArray(container['env']) ? container['env'].filter(isRecord) : [];
    const args = [container['command'], container['args']].flatMap((list) => (Array.isArray(list) ? list : []));
    return [
      ...env.map(({ name, value }) => ({ key: String(name), value: typeof value === 'string' ? value : '' })),
      ...args.flatMap((text) =>
        String(text)
          .split(/[\s=]+/)
          .map((value) => ({ key: 'args', value })),
      ),
    ];
  });
}

function problem(level: CanaryProblem['level'], cause: string, message: string, next: string): CanaryProblem {
  return { level, cause, message, next };
}

function recordAt(object: AnyObject, path: readonly string[]): Record<string, unknown> {
  const found = getIn(object, path);
  return isRecord(found) ? found : {};
}

/** True for a Canary of any served version. */
export function isCanary({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean {
  return kind === 'Canary' && parseApiVersion(apiVersion).group === 'flagger.app';
}
