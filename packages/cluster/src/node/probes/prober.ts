/** Probes of one running container: startup first, then readiness and liveness, by period and thresholds. */

import { background, type Clock, type Logger } from '@towpath/kit';
import type { CoreContainer, Probe } from '../core.ts';
import { check, type CheckResult, type CheckTarget } from './check.ts';

export type ProbeKind = 'Startup' | 'Readiness' | 'Liveness';

export interface ProberEvents {
  /** The container counts as started. */
  started(): void;
  ready(isReady: boolean): void;
  /** A failed attempt on the schedule, e.g. `HTTP probe failed with statuscode: 503`. */
  failed(kind: ProbeKind, message: string): void;
  /** Liveness or startup has failed often enough: the container is to be killed. */
  unhealthy(kind: ProbeKind, probe: Probe): void;
}

export interface Prober {
  stop(): void;
}

/**
 * Before its first success a startup or readiness probe is also tried quietly between the scheduled attempts, so that
 * a pod is ready when its program is, and not up to a period later. Only scheduled attempts count as failures.
 */
const quietFirstMs = 150;
const quietMaxMs = 1_000;

export function startProber(options: {
  container: CoreContainer;
  target: CheckTarget;
  clock: Clock;
  log: Logger;
  events: ProberEvents;
}): Prober {
  const { container, target, clock, log, events } = options;
  const stop = new AbortController();
  const startedAtMs = clock.monotonicMs();
  const { startupProbe, readinessProbe, livenessProbe } = container;

  async function attempt(probe: Probe): Promise<CheckResult> {
    return check(probe, target, (probe.timeoutSeconds ?? 1) * 1000);
  }

  /** Attempts until `probe` succeeds for the first time or, where it may fail for good, has failed. */
  async function untilFirst(kind: ProbeKind, probe: Probe): Promise<boolean> {
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    let failures = 0;
    let quietMs = quietFirstMs;
    let scheduledAtMs = clock.monotonicMs();
    while (!stop.signal.aborted) {
      const result = await attempt(probe);
      if (stop.signal.aborted) return false;
      if (result.ok) return true;
      if (clock.monotonicMs() >= scheduledAtMs) {
        // A program that has only just been started is not called unhealthy before it had one period.
        if (failures > 0 || clock.monotonicMs() - startedAtMs >= periodMs) events.failed(kind, result.message);
        failures++;
        scheduledAtMs += periodMs;
        if (kind === 'Startup' && failures >= (probe.failureThreshold ?? 3)) {
          events.unhealthy(kind, probe);
          return false;
        }
      }
      await clock.sleep(Math.min(quietMs, Math.max(1, scheduledAtMs - clock.monotonicMs())), stop.signal);
      quietMs = Math.min(quietMaxMs, quietMs * 1.5);
    }
    return false;
  }

  async function delay(probe: Probe): Promise<void> {
    const leftMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.monotonicMs();
    if (leftMs > 0) await clock.sleep(leftMs, stop.signal);
  }

  async function runStartup(): Promise<void> {
    if (startupProbe !== undefined) {
      await delay(startupProbe);
      if (!(await untilFirst('Startup', startupProbe))) return;
    }
    events.started();
    background('readiness probe', runReadiness(), log);
    if (livenessProbe !== undefined) background('liveness probe', runSteady('Liveness', livenessProbe), log);
  }

  async function runReadiness(): Promise<void> {
    if (readinessProbe === undefined) {
      events.ready(true);
      return;
    }
    await delay(readinessProbe);
    if ((readinessProbe.successThreshold ?? 1) <= 1) {
      if (!(await untilFirst('Readiness', readinessProbe))) return;
      events.ready(true);
      await clock.sleep((readinessProbe.periodSeconds ?? 10) * 1000, stop.signal);
    }
    await runSteady('Readiness', readinessProbe);
  }

  async function runSteady(kind: ProbeKind, probe: Probe): Promise<void> {
    let failures = 0;
    let successes = 0;
    if (kind === 'Liveness') await delay(probe);
    while (!stop.signal.aborted) {
      const result = await attempt(probe);
      if (stop.signal.aborted) return;
      if (result.ok) {
        failures = 0;
        successes++;
        if (kind === 'Readiness' && successes >= (probe.successThreshold ?? 1)) events.ready(true);
      } else {
        successes = 0;
        failures++;
        events.failed(kind, result.message);
        if (failures >= (probe.failureThreshold ?? 3)) {
          if (kind === 'Readiness') events.ready(false);
          else {
            events.unhealthy(kind, probe);
            return;
          }
        }
      }
      await clock.sleep((probe.periodSeconds ?? 10) * 1000, stop.signal);
    }
  }

  background('startup probe', runStartup(), log);
  return { stop: () => stop.abort() };
}
