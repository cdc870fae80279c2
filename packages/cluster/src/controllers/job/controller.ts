/** Jobs: runs pods until enough of them succeeded. */

import { keyOf, Pods, type EnvVar, type Key, type Pod } from '@towpath/api';
import { jsonEqual } from '@towpath/kit';
import {
  createController,
  done,
  isNotFound,
  requeue,
  type Client,
  type Controller,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import type { ControllerDeps } from '../deps.ts';
import { Expectations } from '../expectations.ts';
import { controllerOf, isDeleting } from '../ownership.ts';
import { createPodControl, podFromTemplate, slowStart, type PodControl } from '../pod-control.ts';
import { JobType, type Job } from '../types.ts';
import { finishedCondition } from './conditions.ts';
import { completionIndexAnnotation } from './indexes.ts';
import { jobTrackingFinalizer } from './observe.ts';
import { planJob, type JobCreation, type JobPlan } from './plan.ts';

/** `spec.managedBy` of the Jobs that are ours; those of other controllers are left alone. */
const ownName = 'kubernetes.io/job-controller';
/** The server adds five characters to make a name of 63. */
const generatedNameMax = 58;

/** Source: Kubernetes pkg/controller/job, pkg/controller/ttlafterfinished. */
export function createJobController(deps: ControllerDeps): Controller {
  const informer = deps.informers.of(JobType);
  const pods = deps.informers.of(Pods);
  const worker = new JobWorker(deps);
  const { clock, log } = deps;
  const controller = createController({ name: 'job', clock, log, reconcile: (key) => worker.reconcile(key) });
  controller.watch(informer, (job) => [keyOf(job)]);
  controller.watch(pods, (pod) => {
    const owner = controllerOf(pod);
    const { namespace } = pod.metadata;
    return owner?.kind === 'Job' && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
  });
  return controller;
}

class JobWorker {
  readonly #deps: ControllerDeps;
  readonly #client: Client;
  readonly #recorder: Recorder;
  readonly #control: PodControl;
  readonly #expectations: Expectations;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#client = deps.clientFor('job-controller');
    this.#recorder = deps.recorderFor('job-controller');
    this.#control = createPodControl({ client: this.#client, recorder: this.#recorder });
    this.#expectations = new Expectations({ informer: deps.informers.of(Pods), clock: deps.clock });
  }

  async reconcile(key: Key): Promise<Result> {
    const job = this.#deps.informers.of(JobType).get(key);
    if (job === undefined) return done();
    const nowMs = this.#deps.clock.nowMs();
    if ((job.spec.managedBy ?? ownName) !== ownName) return this.#expire(job, undefined, nowMs);
    const uid = job.metadata.uid ?? '';
    const owned = this.#deps.podsByOwner.get(uid);
    if (isDeleting(job)) {
      await this.#untrack(owned);
      return done();
    }
    if (!this.#expectations.met(uid)) return done();
    const plan = planJob(job, owned, nowMs);
    const live = await this.#writeStatus(job, plan);
    await this.#untrack([...plan.toUntrack, ...plan.deletions]);
    for (const pod of [...plan.deletions, ...plan.endings]) {
      await this.#control.delete(job, pod);
      this.#expectations.deleted(uid, pod);
    }
    await slowStart(plan.creations.length, async (index) => {
      this.#expectations.created(uid, await this.#control.create(job, jobPod(job, plan.creations[index])));
    });
    return this.#expire(live, plan.waitMs, nowMs);
  }

  async #writeStatus(job: Job, plan: JobPlan): Promise<Job> {
    if (jsonEqual(plan.status, job.status ?? {})) return job;
    const live = await this.#client.updateStatus(JobType, { ...job, status: plan.status });
    for (const event of plan.events) void this.#recorder.event(job, event);
    return live;
  }

  async #untrack(tracked: readonly Pod[]): Promise<void> {
    for (const pod of tracked) {
      const finalizers = (pod.metadata.finalizers ?? []).filter((name) => name !== jobTrackingFinalizer);
      if (finalizers.length === (pod.metadata.finalizers ?? []).length) continue;
      try {
        await this.#client.patch(Pods, keyOf(pod), { metadata: { finalizers } }, { kind: 'merge' });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  /** Deletes a Job whose time after its end is over. Source: Kubernetes pkg/controller/ttlafterfinished. */
  async #expire(job: Job, waitMs: number | undefined, nowMs: number): Promise<Result> {
    if (isDeleting(job)) return done();
    const finished = finishedCondition(job);
    const { ttlSecondsAfterFinished } = job.spec;
    if (finished === undefined || ttlSecondsAfterFinished === undefined) {
      return waitMs === undefined ? done() : requeue({ afterMs: waitMs });
    }
    const expiresMs = Date.parse(finished.lastTransitionTime ?? '') + ttlSecondsAfterFinished * 1000;
    if (expiresMs > nowMs) return requeue({ afterMs: expiresMs - nowMs });
    const { uid } = job.metadata;
    const options = { propagationPolicy: 'Foreground', ...(uid !== undefined && { uid }) } as const;
    await this.#client.delete(JobType, keyOf(job), options);
    return done();
  }
}

function jobPod(job: Job, creation: JobCreation | undefined): Pod {
  const { index, annotations = {} } = creation ?? {};
  const labels = {
    'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '',
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': job.metadata.uid ?? '',
    'job-name': job.metadata.name,
  };
  const place = index === undefined ? {} : { [completionIndexAnnotation]: String(index) };
  const pod = podFromTemplate({
    owner: job,
    template: job.spec.template,
    labels: { ...(job.spec.manualSelector === true ? {} : labels), ...place },
    finalizers: [jobTrackingFinalizer],
    annotations: { ...annotations, ...place },
  });
  if (index === undefined) return pod;
  const suffix = `-${index}-`;
  pod.metadata.generateName = `${job.metadata.name.slice(0, generatedNameMax - suffix.length)}${suffix}`;
  pod.spec['hostname'] = `${job.metadata.name}-${index}`;
  const fieldPath = `metadata.labels['${completionIndexAnnotation}']`;
  const variable: EnvVar = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } };
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    if (container.env?.some(({ name }) => name === variable.name) === true) continue;
    container.env = [...(container.env ?? []), variable];
  }
  return pod;
}
