/** The real image controllers and ours, beside the kinds of our chart. */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProgram, toolFile } from '../releases/place.mjs';
import { loadAll } from '../releases/yaml.mjs';

const versions = { 'image-reflector-controller': 'v1.2.0', 'image-automation-controller': 'v1.2.1' };
export const controllers = Object.keys(versions);
const fileOf = (name) => toolFile(name, versions[name]);

/** The files of programs that are not there. */
export const missingPrograms = () => controllers.map(fileOf).filter((file) => !existsSync(file));

export async function applyKinds(place) {
  for (const file of ['source', 'image']) {
    const text = readFileSync(join(place.root, 'charts/towpath/crds', `${file}.yaml`), 'utf8');
    for (const object of loadAll(text)) await place.api.apply(object);
  }
  for (const plural of ['imagepolicies.image.toolkit.fluxcd.io', 'gitrepositories.source.toolkit.fluxcd.io']) {
    for (let tries = 0; tries < 100; tries += 1) {
      const crd = await place.api.get(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}`);
      if (crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** For one namespace, with an empty volume. */
export function startTheirs(place, name, namespace, args = []) {
  const storage = join(place.work, `tags-${namespace}`);
  mkdirSync(storage, { recursive: true });
  const own = name === 'image-reflector-controller' ? ['--storage-path', storage] : [];
  const common = ['--metrics-addr=0', '--health-addr=0', '--watch-all-namespaces=false'];
  return startProgram(place, name, fileOf(name), [...common, ...own, ...args], { RUNTIME_NAMESPACE: namespace });
}

export function startOurs(place, name, namespace, args = []) {
  const own = [join(place.dist, 'towpath.js'), 'controller', name, '--watch-all-namespaces=false', ...args];
  return startProgram(place, `ours-${name}`, process.execPath, own, { POD_NAMESPACE: namespace, POD_NAME: 'ours' });
}
