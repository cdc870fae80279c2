/** The mesh's components, tied together by one shared state. */

import type { Builtin } from '@towpath/api';
import type { Clock, Logger, Random } from '@towpath/kit';
import { createIngressGateway } from './ingress-gateway.ts';
import { createIstiod } from './istiod/istiod.ts';
import { MeshState } from './mesh-state.ts';
import { createPilotInit } from './pilot-init.ts';
import { createProxyv2 } from './proxyv2.ts';

/** To be registered under the image names `istiod`, `proxyv2`, `pilot-init` and `ingressgateway`. */
export interface Mesh {
  readonly istiod: Builtin;
  readonly proxyv2: Builtin;
  readonly pilotInit: Builtin;
  readonly ingressgateway: Builtin;
}

/**
 * One mesh per cluster. Its builtins share state in this process only: istiod publishes what it sees, the proxies
 * read it, in the place of Istio's xDS streams. A proxy in another process would need such a stream.
 */
export function createMesh({ clock, log, random }: { clock: Clock; log: Logger; random: Random }): Mesh {
  const state = new MeshState();
  log.debug('mesh created');
  const deps = { state, clock, random };
  return {
    istiod: createIstiod(deps),
    proxyv2: createProxyv2(deps),
    pilotInit: createPilotInit(),
    ingressgateway: createIngressGateway(deps),
  };
}
