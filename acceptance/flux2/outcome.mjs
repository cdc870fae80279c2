/** What one side made of a repository, without what differs from run to run. */

export const fluxKinds = [
  'source.toolkit.fluxcd.io/v1|gitrepositories',
  'source.toolkit.fluxcd.io/v1|ocirepositories',
  'source.toolkit.fluxcd.io/v1|helmrepositories',
  'source.toolkit.fluxcd.io/v1|helmcharts',
  'kustomize.toolkit.fluxcd.io/v1|kustomizations',
  'helm.toolkit.fluxcd.io/v2|helmreleases',
];

export async function fluxObjects(place) {
  const lists = await Promise.all(fluxKinds.map((kind) => place.api.list(`/apis/${kind.replace('|', '/')}`)));
  return lists.flatMap((items, index) => items.map((item) => ({ ...item, plural: fluxKinds[index].split('|')[1] })));
}

/** Without addresses, digests and times. */
export function clean(text, { git, charts, registry }) {
  return text
    .replaceAll(git, 'GIT')
    .replaceAll(charts, 'CHARTS')
    .replaceAll(registry, 'REGISTRY')
    .replace(/sha256:[0-9a-f]{8,}/g, 'SHA256')
    .replace(/sha1:[0-9a-f]{8,}/g, 'SHA1')
    .replace(/[0-9a-f]{40}/g, 'SHA1')
    .replace(/\+[0-9a-f]{12}\b/g, '+DIGEST')
    .replace(/\b\d+(?:\.\d+)?(?:ms|s)\b/g, 'TIME')
    .replace(/[ \t]+/g, ' ');
}

/** `{ flux, applied }`: objects of Flux by name, and what they applied, by the paths of the repository. */
export async function outcomeOf(place, { words, applied: paths }) {
  const plain = (value) => JSON.parse(clean(JSON.stringify(value), words));
  const objects = await fluxObjects(place);
  const flux = Object.fromEntries(
    objects.map((object) => [
      `${object.plural}/${object.metadata.namespace}/${object.metadata.name}`,
      plain(told(object)),
    ]),
  );
  const applied = {};
  for (const path of paths) {
    for (const object of await place.api.list(path).catch(() => [])) {
      const { metadata } = object;
      if (!Object.keys(metadata.labels ?? {}).some((label) => label.includes('toolkit.fluxcd.io'))) continue;
      applied[`${path}/${metadata.namespace ?? ''}/${metadata.name}`] = plain(kept(object));
    }
  }
  return { flux, applied };
}

function told({ metadata, status = {}, spec }) {
  return {
    labels: metadata.labels,
    finalizers: metadata.finalizers,
    url: spec.url,
    revision: status.lastAppliedRevision ?? status.artifact?.revision,
    conditions: (status.conditions ?? []).map(({ type, status: is, reason, message }) => ({
      type,
      is,
      reason,
      message,
    })),
    inventory: status.inventory?.entries?.map(({ id, v }) => `${id} ${v}`),
  };
}

/** What a client wrote: addresses are the cluster's, and replicas an autoscaler's. */
function kept({ metadata, spec, status: _status, apiVersion: _version, kind: _kind, ...rest }) {
  const { clusterIP: _ip, clusterIPs: _ips, replicas: _replicas, ...wanted } = spec ?? {};
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !key.startsWith('deployment.kubernetes.io/')),
  );
  return { labels: metadata.labels, annotations, spec: wanted, ...rest };
}
