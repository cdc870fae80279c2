/** Each controller goes on with a release of the other's: nothing is upgraded, and what changes then is. */

import { helmRelease } from './charts.mjs';
import { startOurs, startTheirs } from './place.mjs';

export async function takeOver(place, namespaces, programs) {
  const problems = [];
  await Promise.all(Object.values(programs).map((program) => program.stop()));
  for (const [side, namespace] of Object.entries(namespaces)) {
    const names = ['install', 'upgrade', 'tested', 'post-rendered', 'oci', 'values-from'];
    const path = (name) => `/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases/${name}`;
    const before = new Map();
    for (const name of names) {
      const object = await place.api.get(path(name));
      if (object?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
        before.set(name, object);
    }
    const start = side === 'theirs' ? startOurs : startTheirs;
    const program = start(place, namespace, ['--concurrent=4']);
    await place.api.apply(helmRelease(namespace, `after-${side}`));
    await settled(place, path(`after-${side}`));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    for (const [name, object] of before) {
      const after = await place.api.get(path(name));
      const version = (one) => one.status.history[0].version;
      if (version(after) !== version(object)) {
        problems.push({
          path: `${name} of ${side} is upgraded by the other`,
          theirs: object.status.history[0],
          ours: after.status.history[0],
        });
      }
    }
    await program.stop();
  }
  return problems;
}

async function settled(place, path) {
  const limit = Date.now() + 60_000;
  while (Date.now() < limit) {
    const object = await place.api.get(path);
    if (object?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
