/** CronJobs: creates a Job at each time of its schedule and keeps the last few. */

import { keyOf, ownerReference, type Key } from '@towpath/api';
import { jsonEqual, messageOf, toTimestamp } from '@towpath/kit';
import {
  createController,
  done,
  isAlreadyExists,
  requeue,
  terminal,
  type Client,
  type Controller,
  type Recorder,
  type Result,
} from '@towpath/runtime';
import { parseCron, type CronSchedule } from './cron-schedule.ts';
import type { ControllerDeps } from './deps.ts';
import { createIndex, type Index } from './index-by.ts';
import { finishedCondition } from './job/conditions.ts';
import { controllerOf, isDeleting } from './ownership.ts';
import { CronJobType, JobType, type CronJob, type Job } from './types.ts';

const scheduledTimeAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** More missed times than this are not caught up one by one. */
const missedTimesMax = 100;

/** Source: Kubernetes pkg/controller/cronjob/cronjob_controllerv2.go. */
export function createCronJobController(deps: ControllerDeps): Controller {
  const worker = new CronJobWorker(deps);
  const { clock, log } = deps;
  const controller = createController({ name: 'cronjob', clock, log, reconcile: (key) => worker.reconcile(key) });
  controller.watch(deps.informers.of(CronJobType), (cron) => [keyOf(cron)]);
  controller.watch(deps.informers.of(JobType), (job) => {
    const owner = controllerOf(job);
    const { namespace } = job.metadata;
    return owner?.kind === 'CronJob' && namespace !== undefined ? [{ namespace, name: owner.name }] : [];
  });
  return controller;
}

class CronJobWorker {
  readonly #deps: ControllerDeps;
  readonly #client: Client;
  readonly #recorder: Recorder;
  readonly #jobsByOwner: Index<Job>;

  constructor(deps: ControllerDeps) {
    this.#deps = deps;
    this.#client = deps.clientFor('cronjob-controller');
    this.#recorder = deps.recorderFor('cronjob-controller');
    this.#jobsByOwner = createIndex(deps.informers.of(JobType), (job) => [controllerOf(job)?.uid ?? '']);
  }

  async reconcile(key: Key): Promise<Result> {
    const cron = this.#deps.informers.of(CronJobType).get(key);
    if (cron === undefined || isDeleting(cron)) return done();
    let schedule: CronSchedule;
    try {
      schedule = parseCron(cron.spec.schedule, cron.spec.timeZone);
    } catch (error) {
      const message = `invalid schedule: ${messageOf(error)}`;
      void this.#recorder.event(cron, { type: 'Warning', reason: 'InvalidSchedule', message });
      return terminal(error);
    }
    const owned = this.#jobsByOwner.get(cron.metadata.uid ?? '');
    await this.#trim(cron, owned);
    const status = statusOf(cron, owned);
    const started = cron.spec.suspend === true ? undefined : await this.#startDue(cron, schedule, owned);
    if (started !== undefined) {
      status.lastScheduleTime = toTimestamp(started.atMs);
      if (started.job !== undefined) status.active = [...(status.active ?? []), referenceTo(started.job)];
    }
    if (!jsonEqual(status, cron.status ?? {})) await this.#client.updateStatus(CronJobType, { ...cron, status });
    const next = schedule.next(this.#deps.clock.nowMs());
    const isIdle = cron.spec.suspend === true || next === undefined;
    return isIdle ? done() : requeue({ afterMs: next - this.#deps.clock.nowMs() });
  }

  /** Starts the Job of the last time that passed, if the concurrency policy lets it. */
  async #startDue(
    cron: CronJob,
    schedule: CronSchedule,
    owned: readonly Job[],
  ): Promise<{ atMs: number; job: Job | undefined } | undefined> {
    const atMs = lastDue(cron, schedule, this.#deps.clock.nowMs());
    if (atMs === undefined) return undefined;
    const deadline = cron.spec.startingDeadlineSeconds;
    if (deadline !== undefined && this.#deps.clock.nowMs() > atMs + deadline * 1000) {
      const message = `Missed scheduled time to start a job: ${new Date(atMs).toUTCString()}`;
      void this.#recorder.event(cron, { type: 'Warning', reason: 'MissSchedule', message });
      return undefined;
    }
    const active = owned.filter((job) => finishedCondition(job) === undefined);
    if (active.length > 0 && cron.spec.concurrencyPolicy === 'Forbid') {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      void this.#recorder.event(cron, { type: 'Normal', reason: 'JobAlreadyActive', message });
      return undefined;
    }
    if (cron.spec.concurrencyPolicy === 'Replace') {
      for (const job of active) await this.#client.delete(JobType, keyOf(job), { propagationPolicy: 'Background' });
    }
    try {
      const job = await this.#client.create(JobType, jobAt(cron, atMs));
      const message = `Created job ${job.metadata.name}`;
      void this.#recorder.event(cron, { type: 'Normal', reason: 'SuccessfulCreate', message });
      return { atMs, job };
    } catch (error) {
      // Started before we could write it down: only the time is still to be recorded.
      if (isAlreadyExists(error)) return { atMs, job: undefined };
      const message = `Error creating job: ${messageOf(error)}`;
      void this.#recorder.event(cron, { type: 'Warning', reason: 'FailedCreate', message });
      throw error;
    }
  }

  async #trim(cron: CronJob, owned: readonly Job[]): Promise<void> {
    const kept = { Complete: cron.spec.successfulJobsHistoryLimit ?? 3, Failed: cron.spec.failedJobsHistoryLimit ?? 1 };
    for (const [type, limit] of Object.entries(kept)) {
      const finished = owned
        .filter((job) => finishedCondition(job)?.type === type && !isDeleting(job))
        .toSorted((left, right) => startedAtMs(left) - startedAtMs(right));
      for (const job of finished.slice(0, Math.max(0, finished.length - limit))) {
        await this.#client.delete(JobType, keyOf(job), { propagationPolicy: 'Background' });
      }
    }
  }
}

function startedAtMs(job: Job): number {
  return Date.parse(job.status?.startTime ?? job.metadata.creationTimestamp ?? '') || 0;
}

/** The latest scheduled time since the last one that was started; undefined when none passed. */
function lastDue(cron: CronJob, schedule: CronSchedule, nowMs: number): number | undefined {
  const since = cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '';
  const earliest = nowMs - (cron.spec.startingDeadlineSeconds ?? Infinity) * 1000;
  let at = schedule.next(Math.max(Date.parse(since), earliest));
  if (at === undefined || at > nowMs) return undefined;
  for (let seen = 0; ; seen++) {
    // After a long pause only the recent past matters: an hour of minutes covers every schedule's last time or is close.
    const following: number | undefined = schedule.next(seen === missedTimesMax ? Math.max(at, nowMs - 3_600_000) : at);
    if (following === undefined || following > nowMs) return at;
    at = following;
  }
}

function jobAt(cron: CronJob, atMs: number): Job {
  const { name, namespace } = cron.metadata;
  const { metadata, spec } = cron.spec.jobTemplate;
  const scheduled = toTimestamp(atMs);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${name}-${Math.floor(atMs / 60_000)}`,
      ...(namespace !== undefined && { namespace }),
      ...(metadata?.labels !== undefined && { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [scheduledTimeAnnotation]: scheduled },
      ownerReferences: [ownerReference(cron)],
    },
    spec: structuredClone(spec),
  };
}

function referenceTo(job: Job): Record<string, string | undefined> {
  const { name, namespace, uid, resourceVersion } = job.metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, resourceVersion, uid };
}

function statusOf(cron: CronJob, owned: readonly Job[]): NonNullable<CronJob['status']> {
  const active = owned.filter((job) => finishedCondition(job) === undefined);
  const known = new Map((cron.status?.active ?? []).map((reference) => [reference['uid'], reference]));
  const references = active.map((job) => known.get(job.metadata.uid) ?? referenceTo(job));
  const successes = owned
    .map((job) => job.status?.completionTime)
    .filter((time) => time !== undefined)
    .sort();
  const lastSuccessfulTime = [cron.status?.lastSuccessfulTime, successes.at(-1)]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
  return {
    ...(references.length > 0 && { active: references }),
    ...(cron.status?.lastScheduleTime !== undefined && { lastScheduleTime: cron.status.lastScheduleTime }),
    ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
  };
}
