/** HorizontalPodAutoscalers: read the usage, decide on a number, write the target's scale, say why. */

import {
  HorizontalPodAutoscalers,
  keyOf,
  keyText,
  matchesRequirements,
  parseApiVersion,
  parseLabelSelector,
  Pods,
  resourcePath,
  setCondition,
  type Condition,
  type Key,
  type KubeObject,
  type Pod,
  type ResourceType,
  type SelectorRequirement,
} from '@towpath/api';
import { isRecord, jsonEqual, messageOf, toTimestamp } from '@towpath/kit';
import {
  apiErrorFrom,
  createController,
  done,
  requeue,
  type Client,
  type Controller,
  type Informer,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from '../deps.ts';
import { limitReplicas, minReplicasOf, remember, type Finding, type History } from './limits.ts';
import { measure, type Measured, type PodFigures } from './measure.ts';
import type { Autoscaler, AutoscalerStatus, Scale } from './types.ts';

/** Flag of kube-controller-manager. */
const periodMs = 15_000;
const AutoscalerType = HorizontalPodAutoscalers as ResourceType<KubeObject> as ResourceType<Autoscaler>;

export function createAutoscalerController(deps: ControllerDeps): Controller {
  const worker = new AutoscalerWorker(deps);
  const { clock, log } = deps;
  const controller = createController({ name: 'autoscaler', clock, log, reconcile: (key) => worker.reconcile(key) });
  controller.watch(deps.informers.of(AutoscalerType), (scaler) => [keyOf(scaler)]);
  return controller;
}

/** Where the number is: the target's scale subresource. */
interface Target {
  readonly path: string;
  readonly scale: Scale;
}

/** What one pass found out, written once at its end. */
interface Turn {
  readonly scaler: Autoscaler;
  conditions: readonly Condition[];
}

class AutoscalerWorker {
  readonly #deps: ControllerDeps;
  readonly #client: Client;
  readonly #recorder: Recorder;
  readonly #scalers: Informer<Autoscaler>;
  readonly #histories = new Map<string, History>();
  /** Whose pods each one's target has, as far as they were looked at. */
  readonly #selectors = new Map<string, readonly SelectorRequirement[]>();
  /** When a key was last looked at: a change of our own status is no reason to look again. */
  readonly #lookedAt = new Map<string, { generation: number; atMs: number }>();

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#client = deps.clientFor('horizontal-pod-autoscaler');
    this.#recorder = deps.recorderFor('horizontal-pod-autoscaler');
    this.#scalers = deps.informers.of(AutoscalerType);
  }

  async reconcile(key: Key): Promise<Result> {
    const name = keyText(key);
    const scaler = this.#scalers.get(key);
    if (scaler === undefined) {
      this.#histories.delete(name);
      this.#lookedAt.delete(name);
      this.#selectors.delete(name);
      return done();
    }
    const leftMs = this.#untilNextMs(name, scaler);
    if (leftMs > 0) return requeue({ afterMs: leftMs });
    const atMs = this.#deps.clock.monotonicMs();
    this.#lookedAt.set(name, { generation: scaler.metadata.generation ?? 0, atMs });
    const turn: Turn = { scaler, conditions: scaler.status?.conditions ?? [] };
    const target = await this.#findTarget(turn);
    if (target === undefined) await this.#writeStatus(turn, {});
    else await this.#scale(turn, name, target);
    return requeue({ afterMs: periodMs });
  }

  #untilNextMs(name: string, scaler: Autoscaler): number {
    const last = this.#lookedAt.get(name);
    if (last === undefined || last.generation !== (scaler.metadata.generation ?? 0)) return 0;
    return last.atMs + periodMs - this.#deps.clock.monotonicMs();
  }

  /** Undefined, with the condition and the event, when the target has no scale. */
  async #findTarget(turn: Turn): Promise<Target | undefined> {
    const { apiVersion = '', kind, name } = turn.scaler.spec.scaleTargetRef;
    const { namespace } = turn.scaler.metadata;
    try {
      const type = await this.#client.resourceFor({ apiVersion, kind });
      if (type === undefined) {
        const { group } = parseApiVersion(apiVersion);
        throw new Error(`no matches for kind "${kind}" in group "${group}"`);
      }
      const path = resourcePath(type, { namespace, name, subresource: 'scale' });
      const scale = (await this.#ask('GET', path)) as Scale;
      const message = "the HPA controller was able to get the target's current scale";
      this.#find(turn, { type: 'AbleToScale', status: 'True', reason: 'SucceededGetScale', message });
      return { path, scale };
    } catch (error) {
      const because = messageOf(error);
      this.#tell(turn, 'Warning', 'FailedGetScale', because);
      const message = `the HPA controller was unable to get the target's current scale: ${because}`;
      this.#find(turn, { type: 'AbleToScale', status: 'False', reason: 'FailedGetScale', message });
      return undefined;
    }
  }

  async #scale(turn: Turn, name: string, target: Target): Promise<void> {
    const current = target.scale.spec.replicas ?? 0;
    const { clock } = this.#deps;
    if (!this.#histories.has(name)) {
      this.#histories.set(name, { proposals: [{ replicas: current, atMs: clock.nowMs() }], changes: [] });
    }
    const wanted = await this.#decide(turn, name, target);
    const { metrics = null } = wanted;
    const kept = { currentReplicas: current, currentMetrics: metrics };
    if (wanted.replicas === undefined) {
      await this.#writeStatus(turn, kept);
      return;
    }
    const isRescale = wanted.replicas !== current;
    if (isRescale && !(await this.#rescale(turn, name, { target, from: current, ...wanted, to: wanted.replicas }))) {
      await this.#writeStatus(turn, kept);
      return;
    }
    await this.#writeStatus(turn, {
      ...kept,
      desiredReplicas: wanted.replicas,
      ...(isRescale && { lastScaleTime: toTimestamp(clock.nowMs()) }),
    });
  }

  /** The number wanted, undefined where the metrics tell none; and the reason of a change. */
  async #decide(turn: Turn, name: string, { scale }: Target): Promise<Wanted> {
    const { spec } = turn.scaler;
    const current = scale.spec.replicas ?? 0;
    const least = minReplicasOf(spec);
    if (current === 0 && least !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      this.#find(turn, { type: 'ScalingActive', status: 'False', reason: 'ScalingDisabled', message });
      return { replicas: 0, reason: '' };
    }
    if (current > spec.maxReplicas) {
      return { replicas: spec.maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' };
    }
    if (current < least) return { replicas: least, reason: 'Current number of replicas below Spec.MinReplicas' };
    const proposal = await this.#propose(turn, scale);
    if (proposal.replicas === undefined) return { ...proposal, replicas: undefined, reason: '' };
    const proposed = proposal.replicas;
    const nowMs = this.#deps.clock.nowMs();
    const history = this.#historyOf(name);
    const { replicas, findings } = limitReplicas({ spec, currentReplicas: current, proposed, history, nowMs });
    for (const finding of findings) this.#find(turn, finding);
    this.#histories.set(name, remember(history, spec, { proposed, nowMs }));
    const reason = proposed > current ? `${proposal.metric} above target` : 'All metrics below target';
    return { replicas, reason, metrics: proposal.metrics };
  }

  #historyOf(name: string): History {
    return this.#histories.get(name) ?? { proposals: [], changes: [] };
  }

  /** The highest of what the metrics propose; those that fail count only where nothing would be scaled down. */
  async #propose(turn: Turn, scale: Scale): Promise<Proposed> {
    const { metrics = [] } = turn.scaler.spec;
    const selector = scale.status.selector ?? '';
    if (selector === '') return this.#withoutSelector(turn);
    const current = scale.spec.replicas ?? 0;
    const pods = await this.#podsOf(turn, selector);
    const others = this.#scalersOf(turn, selector, pods);
    if (others.length > 1) return this.#ambiguous(turn, selector, others);
    const input = {
      namespace: turn.scaler.metadata.namespace ?? '',
      currentReplicas: current,
      pods,
      figures: await this.#figuresOf(turn, selector),
      nowMs: this.#deps.clock.nowMs(),
    };
    const measured = metrics.map((metric) => measure(metric, input));
    const failures = measured.filter((one): one is Failure => one.type === 'failure');
    for (const { reason, cause } of failures) this.#tell(turn, 'Warning', reason, cause);
    const proposals = measured.filter((one): one is Exclude<Measured, Failure> => one.type === 'proposal');
    const best = proposals.reduce<(typeof proposals)[number] | undefined>(
      (most, one) => (most === undefined || one.replicas > most.replicas ? one : most),
      undefined,
    );
    // What could not be measured has an empty status of its kind.
    const statuses = measured.map((one) => (one.type === 'proposal' ? one.status : { type: '' }));
    const [first] = failures;
    if (best !== undefined && (first === undefined || best.replicas >= current)) {
      const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
      this.#find(turn, { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message });
      return { replicas: best.replicas, metric: best.name, metrics: statuses };
    }
    if (first === undefined) return { replicas: undefined, metric: '', metrics: statuses };
    const message = `the HPA was unable to compute the replica count: ${first.cause}`;
    this.#find(turn, { type: 'ScalingActive', status: 'False', reason: first.reason, message });
    const count = `${failures.length} invalid out of ${metrics.length}`;
    const all = `invalid metrics (${count}), first error is: ${first.message}`;
    this.#tell(turn, 'Warning', 'FailedComputeMetricsReplicas', all);
    return { replicas: undefined, metric: '', metrics: statuses };
  }

  #withoutSelector(turn: Turn): Proposed {
    this.#tell(turn, 'Warning', 'SelectorRequired', 'selector is required');
    const message = "the HPA target's scale is missing a selector";
    this.#find(turn, { type: 'ScalingActive', status: 'False', reason: 'InvalidSelector', message });
    this.#tell(turn, 'Warning', 'FailedComputeMetricsReplicas', 'selector is required');
    return { replicas: undefined, metric: '', metrics: null };
  }

  /** Every autoscaler one of whose pods is among these, this one included. */
  #scalersOf({ scaler }: Turn, selector: string, pods: readonly Pod[]): readonly string[] {
    this.#selectors.set(keyText(keyOf(scaler)), parseLabelSelector(selector));
    const place = `${scaler.metadata.namespace ?? ''}/`;
    const all = [...this.#selectors].filter(([name]) => name.startsWith(place));
    return all.flatMap(([name, requirements]) =>
      pods.some(({ metadata }) => matchesRequirements(requirements, metadata.labels ?? {})) ? [name] : [],
    );
  }

  #ambiguous(turn: Turn, selector: string, scalers: readonly string[]): Proposed {
    const message = `pods by selector ${selector} are controlled by multiple HPAs: [${scalers.join(' ')}]`;
    this.#tell(turn, 'Warning', 'AmbiguousSelector', message);
    this.#find(turn, { type: 'ScalingActive', status: 'False', reason: 'AmbiguousSelector', message });
    this.#tell(turn, 'Warning', 'FailedComputeMetricsReplicas', message);
    return { replicas: undefined, metric: '', metrics: null };
  }

  async #podsOf({ scaler }: Turn, labelSelector: string): Promise<readonly Pod[]> {
    const { items } = await this.#client.list(Pods, { namespace: scaler.metadata.namespace, labelSelector });
    return items;
  }

  async #figuresOf({ scaler }: Turn, selector: string): Promise<readonly PodFigures[] | { error: string }> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${scaler.metadata.namespace ?? ''}/pods`;
    try {
      const list = await this.#ask('GET', path, { query: { labelSelector: selector } });
      const items = isRecord(list) ? list['items'] : undefined;
      // The API server is the one that wrote them.
      return Array.isArray(items) ? (items as PodFigures[]) : [];
    } catch (error) {
      return { error: messageOf(error) };
    }
  }

  /** False, with the condition and the event, when the target refused. */
  async #rescale(turn: Turn, name: string, change: Rescale): Promise<boolean> {
    const { target, from, to, reason } = change;
    try {
      const scale = { ...target.scale, spec: { ...target.scale.spec, replicas: to } };
      await this.#ask('PUT', target.path, { body: JSON.stringify(scale) });
    } catch (error) {
      const because = messageOf(error);
      this.#tell(turn, 'Warning', 'FailedRescale', `New size: ${to}; reason: ${reason}; error: ${because}`);
      const message = `the HPA controller was unable to update the target scale: ${because}`;
      this.#find(turn, { type: 'AbleToScale', status: 'False', reason: 'FailedUpdateScale', message });
      return false;
    }
    const message = `the HPA controller was able to update the target scale to ${to}`;
    this.#find(turn, { type: 'AbleToScale', status: 'True', reason: 'SucceededRescale', message });
    this.#tell(turn, 'Normal', 'SuccessfulRescale', `New size: ${to}; reason: ${reason}`);
    const history = this.#historyOf(name);
    const changes = [...history.changes, { by: to - from, atMs: this.#deps.clock.nowMs() }];
    this.#histories.set(name, { ...history, changes });
    return true;
  }

  async #ask(
    method: 'GET' | 'PUT',
    path: string,
    options: { query?: Record<string, string>; body?: string } = {},
  ): Promise<unknown> {
    const { query, body } = options;
    const response = await this.#client.request({
      method,
      path,
      ...(query !== undefined && { query }),
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (response.status >= 400) throw apiErrorFrom(response.status, text);
    return JSON.parse(text);
  }

  #find(turn: Turn, finding: Finding): void {
    turn.conditions = setCondition(turn.conditions, finding, this.#deps.clock.nowMs());
  }

  #tell({ scaler }: Turn, type: 'Normal' | 'Warning', reason: string, message: string): void {
    void this.#recorder.event(scaler, { type, reason, message });
  }

  /** Members that are not given stay as they are. */
  async #writeStatus({ scaler, conditions }: Turn, changed: Partial<AutoscalerStatus>): Promise<void> {
    const before = scaler.status ?? {};
    const status = { currentReplicas: 0, desiredReplicas: 0, currentMetrics: null, ...before, ...changed, conditions };
    if (jsonEqual(status, before)) return;
    await this.#client.updateStatus(AutoscalerType, { ...scaler, status });
  }
}

type Failure = Extract<Measured, { type: 'failure' }>;

interface Proposed {
  readonly replicas: number | undefined;
  readonly metric: string;
  readonly metrics: readonly object[] | null;
}

interface Wanted {
  readonly replicas: number | undefined;
  readonly reason: string;
  readonly metrics?: readonly object[] | null;
}

interface Rescale {
  readonly target: Target;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}
