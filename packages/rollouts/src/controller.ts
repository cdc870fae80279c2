/**
 * Runs every Canary: get → plan → observe → decide → act → enforce. Level-based: all state is in the Canary's
 * status and in the objects it owns, so it may be killed at any moment and continues.
 */

import {
  Canaries,
  Deployments,
  DestinationRules,
  keyOf,
  matchesRequirements,
  parseLabelSelector,
  Services,
  VirtualServices,
  type Key,
  type KubeObject,
  type ResourceType,
} from '@towpath/api';
import { Disposer, messageOf, type Disposable } from '@towpath/kit';
import {
  createController,
  createInformer,
  done,
  isConflict,
  requeue,
  type Controller,
  type Informer,
  type Result,
} from '@towpath/runtime';
import { act } from './actions/index.ts';
import { statusOf, type Canary } from './canary.ts';
import { decide, type Step } from './decide.ts';
import type { RolloutDeps } from './deps.ts';
import { enforce } from './enforce.ts';
import { observe } from './observe.ts';
import { readPlan, type Plan } from './plan.ts';
import { writeRefusal } from './status.ts';
import { createTicker, type Ticker } from './ticker.ts';

export interface RolloutController extends Disposable {
  start(): void;
  /** Resolves when nothing runs and nothing is queued for now. */
  idle(): Promise<void>;
}

const CanaryType = Canaries as ResourceType<KubeObject> as ResourceType<Canary>;

/** A failed round is tried again soon, but its Event should not pile up. */
const backoff = { firstMs: 500, maxMs: 10_000 } as const;

/** Watches Canaries and what they own; `start` begins. */
export function createRolloutController(deps: RolloutDeps): RolloutController {
  const { client, clock, log } = deps;
  const disposer = new Disposer();
  const ticker = createTicker(clock);
  const warned = new Set<string>();
  const informers: Informer<KubeObject>[] = [];
  const inform = <Object extends KubeObject>(type: ResourceType<Object>, labelSelector?: string): Informer<Object> => {
    const informer = disposer.own(createInformer({ client, type, clock, log, labelSelector }));
    informers.push(informer as unknown as Informer<KubeObject>);
    return informer;
  };
  const canaries = inform(CanaryType, deps.watchLabelSelector);
  const controller: Controller = createController({
    name: 'canary',
    clock,
    log,
    backoff,
    reconcile: (key) => reconcile(key, { ...deps, ticker, warned }),
  });
  controller.watch(canaries, (canary) => [keyOf(canary)]);
  for (const type of [Deployments, Services, VirtualServices, DestinationRules]) {
    const owned = inform(type as ResourceType<KubeObject>);
    controller.watch(owned, (object) => canariesOf(object, canaries.list(), deps));
  }
  disposer.add(
    canaries.onChange(({ type, object }) => {
      if (type === 'delete') ticker.forget(object.metadata.uid ?? '');
      const totals = new Map<string, number>();
      for (const { metadata } of canaries.list()) {
        totals.set(metadata.namespace ?? '', (totals.get(metadata.namespace ?? '') ?? 0) + 1);
      }
      deps.metrics.setTotal(totals);
    }),
  );
  disposer.own(controller);
  return {
    start() {
      for (const informer of informers) informer.start();
      controller.start();
    },
    idle: () => controller.idle(),
    dispose: () => disposer.dispose(),
  };
}

/** The canaries that an object belongs to, by the names they give their objects. */
function canariesOf(object: KubeObject, canaries: readonly Canary[], deps: RolloutDeps): Key[] {
  const { namespace, name } = object.metadata;
  return canaries
    .filter((canary) => {
      if (canary.metadata.namespace !== namespace) return false;
      const { plan } = readPlan(canary, deps.defaults);
      if (plan === undefined) return false;
      const { apex, primary, canary: canaryService } = plan.service;
      return [plan.target, plan.primary, apex, primary, canaryService].includes(name);
    })
    .map(keyOf);
}

interface ReconcileDeps extends RolloutDeps {
  readonly ticker: Ticker;
  /** Canary generations whose warnings were told. */
  readonly warned: Set<string>;
}

/** One round for one Canary. */
async function reconcile(key: Key, deps: ReconcileDeps): Promise<Result> {
  const canary = await deps.client.get(CanaryType, key);
  if (canary === undefined || canary.metadata.deletionTimestamp !== undefined) return done();
  // It was ours until its labels changed: the process it is for now has seen it, too.
  const ours = parseLabelSelector(deps.watchLabelSelector ?? '');
  if (!matchesRequirements(ours, canary.metadata.labels ?? {})) return done();
  const plan = await planOf(canary, deps);
  if (plan === undefined) return done();
  try {
    return await round(canary, plan, deps);
  } catch (error) {
    if (!isConflict(error)) await deps.narrator.warn(canary, messageOf(error));
    throw error;
  }
}

async function planOf(canary: Canary, deps: ReconcileDeps): Promise<Plan | undefined> {
  const { plan, refusals, warnings } = readPlan(canary, deps.defaults);
  const told = `${canary.metadata.uid ?? ''}/${canary.metadata.generation ?? 0}`;
  if (plan === undefined) {
    const message = refusals.join('; ');
    const isNew = await writeRefusal(deps.client, canary, message, deps.clock.nowMs());
    if (isNew) await deps.narrator.reason(canary, 'Refused', message);
    return undefined;
  }
  if (warnings.length > 0 && !deps.warned.has(told)) {
    deps.warned.add(told);
    for (const warning of warnings) await deps.narrator.reason(canary, 'Unsupported', warning);
  }
  return plan;
}

async function round(canary: Canary, plan: Plan, deps: ReconcileDeps): Promise<Result> {
  const { clock, ticker, metrics } = deps;
  const uid = canary.metadata.uid ?? '';
  const startedAtMs = clock.monotonicMs();
  const tickDue = ticker.dueInMs(uid, statusOf(canary), plan.intervalMs) === 0;
  const observed = await observe(plan, tickDue, deps);
  const step = decide(plan, statusOf(canary), observed);
  deps.log.debug('decided', { canary: canary.metadata.name, step: step.type });
  if (step.type !== 'wait') ticker.mark(uid, { onTime: tickDue && isPeriodic(step), intervalMs: plan.intervalMs });
  const after = await act(step, { canary, plan, status: statusOf(canary), observed, deps });
  const status = statusOf(after);
  metrics.setStatus(plan, status.phase);
  if (step.type === 'analyse') metrics.observeTick(plan, (clock.monotonicMs() - startedAtMs) / 1000);
  // A Canary just begun goes on at once; everything else waits for its tick or a change.
  if (step.type === 'begin') return requeue({ afterMs: 1 });
  // The objects were read before the action: what it wrote itself is read again.
  const current = step.type === 'wait' ? observed : await observe(plan, false, deps);
  await enforce({ canary: after, plan, status, observed: current }, deps);
  // Nothing to do though it was time: look again after another interval, for what no watch tells (configs).
  const dueInMs = ticker.dueInMs(uid, status, plan.intervalMs);
  return requeue({ afterMs: dueInMs > 0 ? dueInMs : plan.intervalMs });
}

/** Steps that a change starts begin a new rhythm; the others keep theirs. */
function isPeriodic({ type }: Step): boolean {
  return type !== 'begin' && type !== 'initialize' && type !== 'new-revision' && type !== 'restart';
}
