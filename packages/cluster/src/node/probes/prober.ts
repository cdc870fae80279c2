/** Probes of one running container: startup first, then readiness and liveness, by period and thresholds. */

import { background, type Clock, type Logger } from '@towpath/kit';
import type { CoreContainer, Probe } from '../core.ts';
import { check, type CheckResult, type CheckTarget } from './check.ts';

export type ProbeKind = 'Startup' | 'Readiness' | 'Liveness';

interface ProberEvents {
  /** The container counts as started. */
  started(): void;
  ready(isReady: boolean): void;
  /** A failed attempt on the schedule, e.g. `HTTP probe failed with statuscode: 503`. */
  failed(kind: ProbeKind, message: string): void;
  /** Liveness or startup has failed often enough: the container is to be killed. */
  unhealthy(kind: ProbeKind, probe: Probe): void;
}

export interface ProberOptions {
  readonly container: CoreContainer;
  readonly target: CheckTarget;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: ProberEvents;
}

/**
 * Before its first success a startup or readiness probe is also tried quietly between the scheduled attempts, so that
 * a pod is ready when its program is, and not up to a period later. Only scheduled attempts count as failures.
 */
const quiet = { firstMs: 150, maxMs: 1_000, factor: 1.5 } as const;
/** What the API server fills in; here for objects that did not pass it. */
const defaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 } as const;

/** Runs from its making until `stop`. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #stop = new AbortController();
  readonly #startedAtMs: number;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
    background('startup probe', this.#start(), options.log);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #start(): Promise<void> {
    const { container, events, log } = this.#options;
    const { startupProbe, livenessProbe } = container;
    if (startupProbe !== undefined) {
      await this.#delay(startupProbe);
      if (!(await this.#untilFirst('Startup', startupProbe))) return;
    }
    events.started();
    background('readiness probe', this.#watchReadiness(), log);
    if (livenessProbe !== undefined) background('liveness probe', this.#watchLiveness(livenessProbe), log);
  }

  async #watchReadiness(): Promise<void> {
    const { container, events, clock } = this.#options;
    const probe = container.readinessProbe;
    if (probe === undefined) {
      events.ready(true);
      return;
    }
    await this.#delay(probe);
    if ((probe.successThreshold ?? defaults.successThreshold) <= 1) {
      if (!(await this.#untilFirst('Readiness', probe))) return;
      events.ready(true);
      await clock.sleep(periodMsOf(probe), this.#stop.signal);
    }
    await this.#steady('Readiness', probe);
  }

  async #watchLiveness(probe: Probe): Promise<void> {
    await this.#delay(probe);
    await this.#steady('Liveness', probe);
  }

  /** Attempts until `probe` succeeds for the first time or, where it may fail for good, has failed. */
  async #untilFirst(kind: ProbeKind, probe: Probe): Promise<boolean> {
    const { clock, events } = this.#options;
    const periodMs = periodMsOf(probe);
    let failures = 0;
    let quietMs: number = quiet.firstMs;
    let scheduledAtMs = clock.monotonicMs();
    for (;;) {
      const result = await this.#attempt(probe);
      if (result.ok) return true;
      if (clock.monotonicMs() >= scheduledAtMs) {
        // A program that has only just been started is not called unhealthy before it had one period.
        if (failures > 0 || clock.monotonicMs() - this.#startedAtMs >= periodMs) events.failed(kind, result.message);
        failures++;
        scheduledAtMs += periodMs;
        if (kind === 'Startup' && failures >= (probe.failureThreshold ?? defaults.failureThreshold)) {
          events.unhealthy(kind, probe);
          return false;
        }
      }
      const leftMs = Math.max(1, scheduledAtMs - clock.monotonicMs());
      await clock.sleep(Math.min(quietMs, leftMs), this.#stop.signal);
      quietMs = Math.min(quiet.maxMs, quietMs * quiet.factor);
    }
  }

  /** Attempts on the schedule, until the container is to be killed or the prober is stopped. */
  async #steady(kind: 'Readiness' | 'Liveness', probe: Probe): Promise<void> {
    const { clock, events } = this.#options;
    let failures = 0;
    let successes = 0;
    for (;;) {
      const result = await this.#attempt(probe);
      failures = result.ok ? 0 : failures + 1;
      successes = result.ok ? successes + 1 : 0;
      if (!result.ok) events.failed(kind, result.message);
      if (kind === 'Readiness') {
        if (successes >= (probe.successThreshold ?? defaults.successThreshold)) events.ready(true);
        if (failures >= (probe.failureThreshold ?? defaults.failureThreshold)) events.ready(false);
      } else if (failures >= (probe.failureThreshold ?? defaults.failureThreshold)) {
        events.unhealthy(kind, probe);
        return;
      }
      await clock.sleep(periodMsOf(probe), this.#stop.signal);
    }
  }

  /** Throws an abort when the prober was stopped meanwhile: the result no longer matters. */
  async #attempt(probe: Probe): Promise<CheckResult> {
    this.#stop.signal.throwIfAborted();
    const timeoutMs = (probe.timeoutSeconds ?? defaults.timeoutSeconds) * 1000;
    const result = await check(probe, this.#options.target, timeoutMs);
    this.#stop.signal.throwIfAborted();
    return result;
  }

  async #delay(probe: Probe): Promise<void> {
    const { clock } = this.#options;
    const leftMs = this.#startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.monotonicMs();
    if (leftMs > 0) await clock.sleep(leftMs, this.#stop.signal);
  }
}

function periodMsOf(probe: Probe): number {
  return (probe.periodSeconds ?? defaults.periodSeconds) * 1000;
}
