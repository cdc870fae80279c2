/** Kinds, namespaces, and a stand-in for the kubelet: test pods end as their label says. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, versions } from './place.mjs';
import { loadAll } from './yaml.mjs';

/** The kinds of the source-controller from its module, HelmRelease from our chart. */
export async function applyKinds(place) {
  const download = must('go', ['mod', 'download', '-json', `github.com/fluxcd/source-controller@${versions.source}`], {
    cwd: place.work,
  });
  const folder = join(JSON.parse(download).Dir, 'config', 'crd', 'bases');
  const files = [
    ...readdirSync(folder).map((name) => join(folder, name)),
    join(place.root, 'charts/towpath/crds/helm.yaml'),
  ];
  for (const file of files) {
    for (const object of loadAll(readFileSync(file, 'utf8'))) if (object !== null) await place.api.apply(object);
  }
  for (const plural of ['helmreleases.helm.toolkit.fluxcd.io', 'helmcharts.source.toolkit.fluxcd.io']) {
    for (let tries = 0; tries < 100; tries += 1) {
      const crd = await place.api.get(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}`);
      if (crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export async function createNamespaces(place, names) {
  for (const name of names) await place.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** Sets the phase of pods with the label `fate`; returns the end. */
export function decideFates(place, namespaces) {
  const timer = setInterval(async () => {
    for (const namespace of namespaces) {
      const pods = await place.api.list(`/api/v1/namespaces/${namespace}/pods?labelSelector=fate`).catch(() => []);
      for (const { metadata, status } of pods) {
        if (status?.phase === metadata.labels.fate) continue;
        const path = `/api/v1/namespaces/${namespace}/pods/${metadata.name}/status`;
        await place.api.patch(path, { status: { phase: metadata.labels.fate } }).catch(() => {});
      }
    }
  }, 300);
  return () => clearInterval(timer);
}
