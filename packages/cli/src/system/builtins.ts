/** Every component of ours that runs as a pod, by image name: `towpath.builtin/NAME`. */

import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Builtin } from '@towpath/api';
import type { Clock, Logger, Random } from '@towpath/kit';
import type { RequestHandler } from '@towpath/metrics';
import { elected } from './elected.ts';

export interface BuiltinDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly version: string;
  /** The program's file: the build puts the worker that renders charts beside it. */
  readonly program: string;
  /** Called with Prometheus' handler while it runs; returns the end. */
  readonly exposeMetrics?: (handler: RequestHandler) => () => void;
  /** PATH says where a `kustomize` program may be. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Each is loaded when it starts: a process that runs one controller holds that one only. */
export function createBuiltins(deps: BuiltinDeps): Readonly<Record<string, Builtin>> {
  const { clock, random, log, version } = deps;
  const renderWorker = renderWorkerOf(deps.program);
  const withElection = (name: string, probePorts: readonly number[], load: Load): Record<string, Builtin> => ({
    [name]: elected(name, loaded(load), { clock, random, probePorts }),
  });
  let mesh: Promise<Mesh> | undefined;
  const meshPart = (part: keyof Mesh): Builtin =>
    loaded(async () => {
      mesh ??= import('@towpath/mesh').then(({ createMesh }) => createMesh({ clock, log, random }));
      return (await mesh)[part];
    });
  return {
    ...withElection('flux', [3030], async () => {
      const [{ createFlux }, { createImageAutomation }] = await Promise.all([
        import('@towpath/sync'),
        import('@towpath/images'),
      ]);
      return createFlux({ startImages: createImageAutomation() });
    }),
    ...withElection('source-controller', [9440], async () =>
      (await import('@towpath/sources')).createSourceController({ clock }),
    ),
    ...withElection('kustomize-controller', [9440], async () =>
      (await import('@towpath/sync')).createKustomizeController({
        clock,
        random,
        kustomize: kustomizeOn(deps.env['PATH']),
      }),
    ),
    ...withElection('helm-operator', [3030], async () =>
      (await import('@towpath/releases')).createHelmOperator({ clock, random, renderWorker }),
    ),
    ...withElection('helm-controller', [9440], async () =>
      (await import('@towpath/releases')).createHelmController({ clock, random, renderWorker }),
    ),
    ...withElection('image-reflector-controller', [9440], async () =>
      (await import('@towpath/images')).createImageReflectorController({ clock }),
    ),
    ...withElection('image-automation-controller', [9440], async () =>
      (await import('@towpath/images')).createImageAutomationController({ clock }),
    ),
    ...withElection('notification-controller', [9440], async () =>
      (await import('@towpath/notifications')).createNotificationController({ clock }),
    ),
    ...withElection('flagger', [8080], async () =>
      (await import('@towpath/rollouts')).createFlaggerBuiltin({ clock, version }),
    ),
    istiod: meshPart('istiod'),
    proxyv2: meshPart('proxyv2'),
    'pilot-init': meshPart('pilotInit'),
    ingressgateway: meshPart('ingressgateway'),
    prometheus: loaded(async () =>
      (await import('@towpath/metrics')).createPrometheusBuiltin({
        clock,
        pause: () => nextTurn(),
        expose: deps.exposeMetrics ?? (() => () => {}),
      }),
    ),
  };
}

type Load = () => Promise<Builtin>;
type Mesh = ReturnType<typeof import('@towpath/mesh').createMesh>;

function loaded(load: Load): Builtin {
  return async (context) => (await load())(context);
}

/** Undefined where the program was not built, as in tests. */
function renderWorkerOf(program: string): string | undefined {
  const file = join(dirname(program), 'render-worker.mjs');
  return existsSync(file) ? file : undefined;
}

/** The first `kustomize` of a PATH; undefined where there is none. */
function kustomizeOn(path = ''): { file: string; path: string } | undefined {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  const file = folders.map((folder) => join(folder, 'kustomize')).find((candidate) => existsSync(candidate));
  return file === undefined ? undefined : { file, path };
}
