/** Leader election over a Lease: of several replicas one works, the others wait until its lease is free or over. */

import { Leases, type AnyObject, type Key } from '@towpath/api';
import { isRecord, messageOf, TowpathError, type Clock, type Logger, type Time } from '@towpath/kit';
import { isAlreadyExists, isConflict } from './api-error.ts';
import type { Client } from './client.ts';
import { createInformer } from './informer.ts';

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  /** The Lease; made when it is missing. */
  readonly lease: Key;
  /** Who we are: unique among the replicas and different after a restart. */
  readonly identity: string;
  /** How long others wait after the last renewal they saw; default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long the leader goes on without a renewal; below the lease's duration; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** How often the leader renews and the others look; default 2 s. */
  readonly retryPeriodMs?: number;
  readonly signal: AbortSignal;
}

/** `coordination.k8s.io/v1 LeaseSpec`, the members a leader writes. */
interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

/** Client-go's. */
const defaults = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 } as const;

/**
 * Waits for the lease, then runs `work`; its signal is aborted when `options.signal` is, or when the lease could not be
 * renewed in time. When the work has ended the lease is given back, so that another replica starts at once.
 *
 * Rejects with `LEADERSHIP_LOST` where the lease was lost (the process should end and start again), or with the work's
 * error. Resolves without having worked when the signal is aborted first.
 * Source: client-go, tools/leaderelection: expiry is judged by when this process saw the last change, never by the
 * times in the Lease, so that clocks need not agree.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const candidate = new Candidate({ ...defaults, ...options });
  if (!(await candidate.acquired())) return;
  const lost = new AbortController();
  const ended = new AbortController();
  const renewing = candidate.keep(AbortSignal.any([options.signal, ended.signal])).catch((error: unknown) => {
    lost.abort(error);
  });
  try {
    await work(AbortSignal.any([options.signal, lost.signal]));
  } finally {
    ended.abort();
    await renewing;
    if (!lost.signal.aborted) await candidate.release();
  }
  if (lost.signal.aborted) throw lost.signal.reason;
}

/** What was last seen of the lease, and when. */
interface Observation {
  readonly record: string;
  readonly spec: Partial<LeaseSpec>;
  readonly seenAtMs: number;
}

class Candidate {
  readonly #options: Required<LeaderElectionOptions>;
  #lease: AnyObject | undefined;
  #observed: Observation | undefined;

  constructor(options: Required<LeaderElectionOptions>) {
    this.#options = options;
  }

  /** True when we hold the lease; false when the signal was aborted before. */
  async acquired(): Promise<boolean> {
    const { client, clock, log, lease, identity, signal, retryPeriodMs } = this.#options;
    log.info('waiting to become the leader', { lease: `${lease.namespace}/${lease.name}`, identity });
    let wake = (): void => {};
    // A leader that gives the lease back is followed at once.
    const fieldSelector = `metadata.name=${lease.name}`;
    const informer = createInformer({ client, clock, log, type: Leases, namespace: lease.namespace, fieldSelector });
    informer.onChange(() => wake());
    informer.start();
    try {
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => (wake = resolve));
        const won = await this.#tryAgain();
        if (won) {
          log.info('became the leader', { lease: `${lease.namespace}/${lease.name}`, identity });
          return true;
        }
        await Promise.race([changed, sleepQuietly(clock, this.#untilExpiryMs(retryPeriodMs), signal)]);
      }
      return false;
    } finally {
      await informer.dispose();
    }
  }

  /** Renews until the signal is aborted. Rejects with `LEADERSHIP_LOST`. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock, lease, identity, renewDeadlineMs, retryPeriodMs } = this.#options;
    let renewedAtMs = clock.monotonicMs();
    for (;;) {
      await sleepQuietly(clock, retryPeriodMs, signal);
      if (signal.aborted) return;
      const deadline = new AbortController();
      const timer = clock.startTimer(renewedAtMs + renewDeadlineMs - clock.monotonicMs(), () => deadline.abort());
      const renewed = await Promise.race([this.#tryAgain(), aborted(deadline.signal)]);
      timer.cancel();
      if (renewed) renewedAtMs = clock.monotonicMs();
      const holder = this.#observed?.spec.holderIdentity;
      const isTaken = holder !== undefined && holder !== identity;
      if (!isTaken && clock.monotonicMs() - renewedAtMs < renewDeadlineMs) continue;
      const because = isTaken ? `${holder} holds it` : `it was not renewed for ${renewDeadlineMs / 1000} s`;
      throw new TowpathError('LEADERSHIP_LOST', `the lease ${lease.namespace}/${lease.name} is lost: ${because}`, {
        next: 'start this replica again; it waits until the lease is free',
      });
    }
  }

  /** Gives the lease back; a failure only makes the others wait for its end. */
  async release(): Promise<void> {
    const { client, clock, log } = this.#options;
    if (this.#lease === undefined) return;
    const spec = {
      ...(this.#lease['spec'] as object),
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: microTime(clock),
    };
    await client.update(Leases, { ...this.#lease, spec }).catch((error: unknown) => {
      log.warn('the lease could not be given back', { error: messageOf(error) });
    });
  }

  /** One try to get or renew it; a failure of the API is logged and means no. */
  async #tryAgain(): Promise<boolean> {
    try {
      return await this.#acquireOrRenew();
    } catch (error) {
      if (!isConflict(error) && !isAlreadyExists(error)) {
        this.#options.log.warn('the lease cannot be read or written', { error: messageOf(error) });
      }
      return false;
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const { client, lease, identity, clock, leaseDurationMs } = this.#options;
    const live = await client.get(Leases, lease);
    if (live === undefined) {
      const spec = this.#spec({});
      this.#lease = await client.create(Leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { ...lease },
        spec,
      });
      this.#observe(this.#lease);
      return true;
    }
    const { spec, seenAtMs } = this.#observe(live);
    const holder = spec.holderIdentity ?? '';
    const durationMs = (spec.leaseDurationSeconds ?? leaseDurationMs / 1000) * 1000;
    if (holder !== '' && holder !== identity && clock.monotonicMs() < seenAtMs + durationMs) return false;
    this.#lease = await client.update(Leases, { ...live, spec: this.#spec(spec) });
    this.#observe(this.#lease);
    return true;
  }

  #spec(before: Partial<LeaseSpec>): LeaseSpec {
    const { clock, identity, leaseDurationMs } = this.#options;
    const now = microTime(clock);
    const isOurs = before.holderIdentity === identity;
    const transitions = before.leaseTransitions ?? 0;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: isOurs || before.holderIdentity === undefined ? transitions : transitions + 1,
    };
  }

  #observe(lease: AnyObject): Observation {
    const spec = isRecord(lease['spec']) ? (lease['spec'] as Partial<LeaseSpec>) : {};
    const record = JSON.stringify(spec);
    if (this.#observed?.record !== record) {
      this.#observed = { record, spec, seenAtMs: this.#options.clock.monotonicMs() };
    }
    return this.#observed;
  }

  /** Until the lease we saw is over, at most `mostMs` and at least a moment. */
  #untilExpiryMs(mostMs: number): number {
    const { clock } = this.#options;
    if (this.#observed === undefined) return mostMs;
    const { spec, seenAtMs } = this.#observed;
    const leftMs = seenAtMs + (spec.leaseDurationSeconds ?? 0) * 1000 - clock.monotonicMs();
    return Math.min(mostMs, Math.max(1, leftMs));
  }
}

async function sleepQuietly(clock: Clock, forMs: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(forMs, signal).catch(() => {});
}

function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(false), { once: true }));
}

/** `metav1.MicroTime` */
function microTime(time: Time): string {
  return new Date(time.nowMs()).toISOString().replace('Z', '000Z');
}
