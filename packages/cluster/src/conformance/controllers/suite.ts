/** Unmodified controllers written in Go, each doing its main job against our server. */

import { clientSuite } from '../client-suite.ts';
import type { Suite } from '../suite.ts';
import { controllerManagerCases } from './controller-manager.ts';
import { flaggerCases } from './flagger.ts';
import { fluxCases } from './flux.ts';

export const controllers: Suite = clientSuite({
  name: 'controllers',
  summary: 'the real kube-controller-manager, Flagger and Flux controllers',
  async run(tally, context) {
    await controllerManagerCases(tally, context);
    await flaggerCases(tally, context);
    await fluxCases(tally, context);
  },
});
