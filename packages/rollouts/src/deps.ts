/** What the rollouts controller is given. */

import type { Clock, Logger } from '@towpath/kit';
import type { Connect } from '@towpath/metrics/client';
import type { Client } from '@towpath/runtime';
import type { Narrator } from './narrate.ts';
import type { PlanDefaults } from './plan.ts';
import type { MetricProviderFactory } from './providers/provider.ts';
import type { Router } from './router/router.ts';
import type { RolloutMetrics } from './rollout-metrics.ts';

export interface RolloutDeps {
  /** With field manager `flagger`: releases tell our fields from theirs by it. */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly narrator: Narrator;
  readonly router: Router;
  readonly providers: MetricProviderFactory;
  readonly metrics: RolloutMetrics;
  readonly defaults: PlanDefaults;
  /** Only Canaries with these labels, so that several processes share the work; absent for all. */
  readonly watchLabelSelector?: string | undefined;
  /** For webhooks; absent: connections of the system. */
  readonly connect?: Connect | undefined;
}
