/** Jobs: runs pods until enough of them succeeded. */

import { keyOf, Pods, type EnvVar, type Key, type Pod } from '@towpath/api';
import { jsonEqual, toTimestamp } from '@towpath/kit';
import { createController, done, requeue, type Controller, type Result } from '@towpath/runtime';
import type { ControllerDeps } from './deps.ts';
import { Expectations } from './expectations.ts';
import {
  completionIndexAnnotation,
  finishedCondition,
  jobTrackingFinalizer,
  planJob,
  type JobPlan,
} from './job-plan.ts';
import { controllerOf, isDeleting } from './ownership.ts';
import { createPodControl, podFromTemplate, slowStart } from './pod-control.ts';
import { JobType, type Job } from './types.ts';

/** Members of the spec that change the meaning of success and are not done here: the Job fails by their name. */
const refused = ['podFailurePolicy', 'successPolicy', 'backoffLimitPerIndex', 'managedBy'] as const;

/** Source: Kubernetes pkg/controller/job, pkg/controller/ttlafterfinished. */
export function createJobController(deps: ControllerDeps): Controller {
  const client = deps.clientFor('job-controller');
  const recorder = deps.recorderFor('job-controller');
  const informer = deps.informers.of(JobType);
  const pods = deps.informers.of(Pods);
  const expectations = new Expectations({ informer: pods, clock: deps.clock });
  const control = createPodControl({ client, recorder });

  async function reconcile(key: Key): Promise<Result> {
    const job = informer.get(key);
    const uid = job?.metadata.uid ?? '';
    const owned = deps.podsByOwner.get(uid);
    if (job === undefined) return done();
    if (isDeleting(job)) {
      await untrack(owned);
      return done();
    }
    if (!expectations.met(uid)) return done();
    const unsupported = refused.find((member) => job.spec[member] !== undefined);
    if (unsupported !== undefined) return refuse(job, unsupported);
    const nowMs = deps.clock.nowMs();
    const plan = planJob(job, owned, nowMs);
    const live = await writeStatus(job, plan);
    // Pods that the Job itself ends are not failures: they lose the finalizer before they go.
    await untrack([...plan.toUntrack, ...plan.deletions]);
    for (const pod of plan.deletions) {
      await control.delete(job, pod);
      expectations.deleted(uid, pod);
    }
    await slowStart(plan.creations.length, async (index) => {
      expectations.created(uid, await control.create(job, jobPod(job, plan.creations[index])));
    });
    return expire(live, plan, nowMs);
  }

  async function writeStatus(job: Job, plan: JobPlan): Promise<Job> {
    if (jsonEqual(plan.status, job.status ?? {})) return job;
    const live = await client.updateStatus(JobType, { ...job, status: plan.status });
    for (const event of plan.events) void recorder.event(job, event);
    return live;
  }

  async function untrack(tracked: readonly Pod[]): Promise<void> {
    for (const pod of tracked) {
      const finalizers = (pod.metadata.finalizers ?? []).filter((name) => name !== jobTrackingFinalizer);
      if (finalizers.length === (pod.metadata.finalizers ?? []).length) continue;
      await client.patch(Pods, keyOf(pod), { metadata: { finalizers } }, { kind: 'merge' }).catch(() => undefined);
    }
  }

  async function expire(job: Job, plan: JobPlan, nowMs: number): Promise<Result> {
    const finished = finishedCondition(job);
    const { ttlSecondsAfterFinished } = job.spec;
    if (finished === undefined || ttlSecondsAfterFinished === undefined) {
      return plan.waitMs === undefined ? done() : requeue({ afterMs: plan.waitMs });
    }
    const expiresMs = Date.parse(finished.lastTransitionTime ?? '') + ttlSecondsAfterFinished * 1000;
    if (expiresMs > nowMs) return requeue({ afterMs: expiresMs - nowMs });
    const { uid } = job.metadata;
    await client.delete(JobType, keyOf(job), { propagationPolicy: 'Foreground', ...(uid !== undefined && { uid }) });
    return done();
  }

  async function refuse(job: Job, member: string): Promise<Result> {
    if (finishedCondition(job) !== undefined) return done();
    const message = `spec.${member} is not supported by this cluster: remove it`;
    const lastTransitionTime = toTimestamp(deps.clock.nowMs());
    const condition = { type: 'Failed', status: 'True', reason: 'Unsupported', message, lastTransitionTime } as const;
    await client.updateStatus(JobType, { ...job, status: { ...job.status, conditions: [condition] } });
    void recorder.event(job, { type: 'Warning', reason: 'Unsupported', message });
    return done();
  }

  const controller = createController({ name: 'job', clock: deps.clock, log: deps.log, reconcile });
  controller.watch(informer, (job) => [keyOf(job)]);
  controller.watch(pods, (pod) => {
    const owner = controllerOf(pod);
    const { namespace } = pod.metadata;
    return owner?.kind === 'Job' && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
  });
  return controller;
}

function jobPod(job: Job, index: number | undefined): Pod {
  const labels = {
    'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '',
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': job.metadata.uid ?? '',
    'job-name': job.metadata.name,
  };
  const pod = podFromTemplate({
    owner: job,
    template: job.spec.template,
    labels: job.spec.manualSelector === true ? {} : labels,
    finalizers: [jobTrackingFinalizer],
    ...(index !== undefined && { annotations: { [completionIndexAnnotation]: String(index) } }),
  });
  if (index === undefined) return pod;
  pod.metadata.generateName = `${job.metadata.name}-${index}-`;
  pod.metadata.labels = { ...pod.metadata.labels, [completionIndexAnnotation]: String(index) };
  const fieldPath = `metadata.annotations['${completionIndexAnnotation}']`;
  const variable: EnvVar = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } };
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    container.env = [...(container.env ?? []), variable];
  }
  pod.spec['hostname'] = `${job.metadata.name}-${index}`;
  return pod;
}
