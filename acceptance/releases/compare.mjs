/** What each controller made of a HelmRelease, without what differs between any two runs. */

import { gunzipSync } from 'node:zlib';
import { must } from './place.mjs';

/** Of a value that differs; all of it with --verbose. */
const shownChars = 900;
const demoKinds = [
  '/api/v1|configmaps',
  '/api/v1|services',
  '/api/v1|serviceaccounts',
  '/apis/apps/v1|deployments',
  '/apis/networking.k8s.io/v1|ingresses',
  '/api/v1|pods',
];

/** Everything worth comparing, with the namespace's name taken out. */
export async function outcome(place, { api, namespace, name }) {
  const root = `/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases/${name}`;
  const object = await api.get(root);
  const chart = await api.get(
    `/apis/source.toolkit.fluxcd.io/v1/namespaces/${namespace}/helmcharts/${namespace}-${name}`,
  );
  const releaseNames = [...new Set([name, ...(object?.status?.history ?? []).map((entry) => entry.name)])];
  const found = {
    status: statusOf(object?.status),
    finalizers: object?.metadata.finalizers,
    helmChart:
      chart === undefined
        ? undefined
        : { spec: chart.spec, labels: chart.metadata.labels, managers: managersOf(chart, 'helm-controller') },
    objects: await objectsOf(api, namespace, releaseNames),
    events: await eventsOf(api, namespace, name),
    history: Object.fromEntries(releaseNames.map((release) => [release, historyOf(place, namespace, release)])),
    stored: await storedOf(api, namespace, releaseNames),
  };
  return JSON.parse(JSON.stringify(found).replaceAll(namespace, 'NAMESPACE'));
}

const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g;

function statusOf(status) {
  if (status === undefined) return undefined;
  const text = JSON.stringify(status, (key, value) => {
    if (key === 'digest') return 'DIGEST';
    if (key === 'lastTransitionTime') return undefined;
    if (key === 'lastAttemptedReleaseActionDuration') return 'DURATION';
    if (['firstDeployed', 'lastDeployed', 'deleted', 'lastStarted', 'lastCompleted'].includes(key))
      return value === undefined || value === null ? value : 'TIME';
    return value;
  });
  return JSON.parse(text.replace(time, 'TIME'));
}

async function objectsOf(api, namespace, names) {
  const objects = {};
  for (const kind of demoKinds) {
    const [root, plural] = kind.split('|');
    for (const item of await api.list(`${root}/namespaces/${namespace}/${plural}`)) {
      const { metadata } = item;
      if (
        !names.some(
          (name) => metadata.name === name || metadata.name === `${name}-hook` || metadata.name === `${name}-test`,
        )
      )
        continue;
      const { labels, annotations } = metadata;
      const { clusterIP: _one, clusterIPs: _all, ...spec } = item.spec ?? {};
      const { 'deployment.kubernetes.io/revision': _revision, ...kept } = annotations ?? {};
      // Names that the API made up.
      const text = JSON.stringify(spec ?? null).replace(/kube-api-access-\w+/g, 'kube-api-access');
      objects[`${plural}/${metadata.name}`] = {
        labels,
        annotations: kept,
        data: item.data,
        spec: item.spec === undefined ? undefined : JSON.parse(text),
        managers: managersOf(item),
      };
    }
  }
  return objects;
}

/** Which fields the helm-controller owns, and how it came by them. */
function managersOf({ metadata }, only = 'helm-controller') {
  return (
    (metadata.managedFields ?? [])
      .filter(({ manager, subresource }) => manager === only && subresource === undefined)
      // The Go client sends an empty status, which belongs to the other endpoint.
      .map(({ operation, fieldsV1: { 'f:status': _status, ...fields } }) => ({ operation, fields: sorted(fields) }))
  );
}

async function eventsOf(api, namespace, name) {
  const events = await api.list(`/api/v1/namespaces/${namespace}/events`);
  const lines = events
    .filter(({ involvedObject }) => involvedObject.kind === 'HelmRelease' && involvedObject.name === name)
    .map(({ type, reason, message, metadata, source }) => {
      const text = message.split('\n\nLast Helm logs:')[0];
      const annotations = Object.entries(metadata.annotations ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .toSorted(byText);
      return `${source?.component} ${type} ${reason}: ${text} [${annotations.join(', ')}]`;
    });
  // How often a dependency is looked at differs: ours waits for its events.
  return [...new Set(lines)].filter((line) => !line.includes(' DependencyNotReady: ')).toSorted(byText);
}

const byText = (left, right) => (left < right ? -1 : 1);

/** As both releases of the real helm read it. */
function historyOf(place, namespace, name) {
  const env = { PATH: process.env.PATH, HOME: place.work, KUBECONFIG: place.kubeconfig };
  return [place.tools.helm3, place.tools.helm4].map((helm) => {
    try {
      const rows = JSON.parse(must(helm, ['history', name, '-n', namespace, '-o', 'json'], { env }));
      return rows.map(({ updated: _updated, ...row }) => row);
    } catch (error) {
      return error.message.split('\n')[0].replace(/^.*?: /, '');
    }
  });
}

/** The stored revisions: the manifest as text, the rest as data. */
async function storedOf(api, namespace, names) {
  const secrets = await api.list(`/api/v1/namespaces/${namespace}/secrets?labelSelector=owner%3Dhelm`);
  return Object.fromEntries(
    secrets
      .filter(({ metadata }) => names.includes(metadata.labels.name))
      .map(({ metadata, data }) => {
        const release = JSON.parse(gunzipSync(Buffer.from(Buffer.from(data.release, 'base64').toString(), 'base64')));
        const {
          labels: { createdAt: _created, modifiedAt: _modified, ...labels },
        } = metadata;
        const { info, config, manifest, hooks, apply_method: applyMethod, chart, version } = release;
        const plainHooks = (hooks ?? []).map(({ last_run: run, ...hook }) => ({ ...hook, phase: run?.phase }));
        const { first_deployed: _f, last_deployed: _l, deleted, ...rest } = info;
        return [
          metadata.name,
          {
            labels,
            version,
            applyMethod,
            config,
            manifest,
            hooks: plainHooks,
            info: { ...rest, isDeleted: (deleted ?? '') !== '' },
            chart: chart.metadata,
          },
        ];
      }),
  );
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}

/** Paths that differ, with both values. */
export function differences(theirs, ours, path = '') {
  if (JSON.stringify(sorted(theirs)) === JSON.stringify(sorted(ours))) return [];
  const isMap = (value) => typeof value === 'object' && value !== null;
  if (!isMap(theirs) || !isMap(ours) || Array.isArray(theirs) !== Array.isArray(ours)) return [{ path, theirs, ours }];
  const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])];
  return keys.flatMap((key) => differences(theirs[key], ours[key], `${path}/${key}`));
}

/** Prints what two sides made of each scenario, and counts: `report(name, problems)` is true when they are the same. */
export function createReport({ verbose = false } = {}) {
  let failed = 0;
  const show = (value) => {
    const text = JSON.stringify(value) ?? 'absent';
    return verbose || text.length < shownChars ? text : `${text.slice(0, shownChars)}…`;
  };
  return {
    get failed() {
      return failed;
    },
    report(name, problems) {
      if (problems.length > 0) failed += 1;
      console.log(`${problems.length === 0 ? 'same   ' : 'DIFFERS'} ${name}`);
      for (const { path, theirs, ours } of problems) {
        console.log(`    ${path}\n      theirs ${show(theirs)}\n      ours   ${show(ours)}`);
      }
      return problems.length === 0;
    },
  };
}

/** Of an object of Flux: Ready says something final about the newest generation, or says that it tries again. */
export function isSettled(object) {
  const conditions = object?.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const reconciling = conditions.find(({ type }) => type === 'Reconciling');
  return (
    ready !== undefined &&
    ready.status !== 'Unknown' &&
    ready.observedGeneration === object.metadata.generation &&
    (reconciling === undefined || reconciling.reason === 'ProgressingWithRetry')
  );
}
