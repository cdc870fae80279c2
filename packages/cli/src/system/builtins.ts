/** Every component of ours that runs as a pod, by image name: `towpath.builtin/NAME`. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Builtin } from '@towpath/api';
import { createImageAutomation } from '@towpath/images';
import type { Clock, Logger, Random } from '@towpath/kit';
import { createMesh } from '@towpath/mesh';
import { createPrometheusBuiltin, type RequestHandler } from '@towpath/metrics';
import { createHelmController, createHelmOperator } from '@towpath/releases';
import { createFlaggerBuiltin } from '@towpath/rollouts';
import { createFlux, createKustomizeController } from '@towpath/sync';
import { elected } from './elected.ts';

export interface BuiltinDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly version: string;
  /** The program's file: the build puts the worker that renders charts beside it. */
  readonly program: string;
  /** Called with Prometheus' handler while it runs; returns the end. */
  readonly exposeMetrics: (handler: RequestHandler) => () => void;
}

export function createBuiltins(deps: BuiltinDeps): Readonly<Record<string, Builtin>> {
  const { clock, random, log, version } = deps;
  const mesh = createMesh({ clock, log, random });
  const withElection = (name: string, builtin: Builtin, probePorts: readonly number[]): Record<string, Builtin> => ({
    [name]: elected(name, builtin, { clock, random, probePorts }),
  });
  return {
    ...withElection('flux', createFlux({ startImages: createImageAutomation() }), [3030]),
    ...withElection('kustomize-controller', createKustomizeController({ clock, random }), [9440]),
    ...withElection(
      'helm-operator',
      createHelmOperator({ clock, random, renderWorker: renderWorkerOf(deps.program) }),
      [3030],
    ),
    ...withElection(
      'helm-controller',
      createHelmController({ clock, random, renderWorker: renderWorkerOf(deps.program) }),
      [],
    ),
    ...withElection('flagger', createFlaggerBuiltin({ clock, version }), [8080]),
    istiod: mesh.istiod,
    proxyv2: mesh.proxyv2,
    'pilot-init': mesh.pilotInit,
    ingressgateway: mesh.ingressgateway,
    prometheus: createPrometheusBuiltin({ clock, pause: () => nextTurn(), expose: deps.exposeMetrics }),
  };
}

/** Undefined where the program was not built, as in tests. */
function renderWorkerOf(program: string): string | undefined {
  const file = join(dirname(program), 'render-worker.mjs');
  return existsSync(file) ? file : undefined;
}
