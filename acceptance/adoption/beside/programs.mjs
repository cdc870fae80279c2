/** The real controllers of Flux and the real Flagger as processes of this machine, on the cluster of the running Towpath. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findTools, freePort, startProgram, startSourceController } from '../../releases/place.mjs';

const folder = join(homedir(), '.cache', 'towpath', 'tools');
const more = { kustomizeController: 'kustomize-controller-v1.9.4', flagger: 'flagger-v1.36.1' };

/** The programs of others, or `{ missing }` with what is not there. */
export function besideTools() {
  const tools = findTools();
  const others = Object.fromEntries(Object.entries(more).map(([key, file]) => [key, join(folder, file)]));
  const missing = [
    ...(tools.missing === undefined ? [] : [tools.missing]),
    ...Object.values(others).filter((file) => !existsSync(file)),
  ];
  return missing.length === 0 ? { ...tools, ...others } : { missing: `${missing.join(', ')} not there` };
}

/** Starts source-, kustomize- and helm-controller, and Flagger which asks `prometheus`; `dispose()` ends them. */
export async function startReal(walk, tools, { prometheus }) {
  const ends = [];
  const place = { work: walk.work, kubeconfig: walk.ready.kubeconfig, tools, ends };
  const common = ['--metrics-addr=0', '--health-addr=0', '--requeue-dependency=2s'];
  const env = { RUNTIME_NAMESPACE: 'flux-system' };
  await startSourceController(place);
  startProgram(place, 'kustomize-controller', tools.kustomizeController, common, env);
  startProgram(place, 'helm-controller', tools.helmController, common, env);
  const flags = ['-kubeconfig', walk.ready.kubeconfig, '-mesh-provider', 'istio', '-metrics-server', prometheus];
  const flagger = startProgram(place, 'flagger', tools.flagger, [...flags, '-port', String(await freePort())]);
  return {
    flagger,
    async dispose() {
      for (const end of ends.toReversed()) await end();
    },
  };
}
