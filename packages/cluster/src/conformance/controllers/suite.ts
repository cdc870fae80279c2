/** Unmodified controllers written in Go, each doing its main job against our server. */

import { clientSuite } from '../client-suite.ts';
import type { Suite } from '../suite.ts';
import { autoscalerCases } from './autoscaler.ts';
import { controllerManagerCases } from './controller-manager.ts';
import { flaggerCases } from './flagger.ts';
import { fluxCases } from './flux.ts';
import { workloadCases } from './workloads.ts';

/** Each with what the names of its cases begin with: `--only` starts no others. */
const parts = [
  { names: ['kube-controller-manager'], run: controllerManagerCases },
  { names: ['workloads'], run: workloadCases },
  { names: ['autoscaler'], run: autoscalerCases },
  { names: ['flagger'], run: flaggerCases },
  { names: ['source-controller', 'kustomize-controller', 'helm-controller'], run: fluxCases },
];

export const controllers: Suite = clientSuite({
  name: 'controllers',
  summary: 'the real kube-controller-manager, Flagger and Flux controllers',
  async run(tally, context) {
    const { only } = context;
    for (const { names, run } of parts) {
      const isWanted = only === undefined || names.some((name) => only.startsWith(name) || name.startsWith(only));
      if (isWanted) await run(tally, context);
    }
  },
});
