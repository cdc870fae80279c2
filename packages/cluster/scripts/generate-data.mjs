/**
 * Writes src/apiserver/data/*.json and the merge schema of packages/api from the Kubernetes sources.
 * Usage: node generate-data.mjs KUBERNETES_SOURCE_DIR TYPE_TABLE_JSON (the latter is what type-table.go printed).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const [source, tableFile] = process.argv.slice(2);
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const table = readJson(tableFile);
const swagger = readJson(`${source}/api/openapi-spec/swagger.json`).definitions;
const data = new URL('../src/apiserver/data/', import.meta.url);

/** Versions that are listed by a default server and have a meaning here. */
const served = [
  ...['/v1', 'apps/v1', 'batch/v1', 'autoscaling/v2', 'autoscaling/v1', 'networking.k8s.io/v1', 'policy/v1'],
  ...['rbac.authorization.k8s.io/v1', 'apiextensions.k8s.io/v1', 'apiregistration.k8s.io/v1'],
  ...['admissionregistration.k8s.io/v1', 'coordination.k8s.io/v1', 'discovery.k8s.io/v1', 'events.k8s.io/v1'],
  ...['storage.k8s.io/v1', 'scheduling.k8s.io/v1', 'authentication.k8s.io/v1', 'authorization.k8s.io/v1'],
  ...['certificates.k8s.io/v1', 'node.k8s.io/v1'],
];
const leftOut = ['componentstatuses', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings'];
const leftOutSubresources = ['proxy', 'ephemeralcontainers', 'resize'];

const shortName = (goName) =>
  goName
    .replace('k8s.io/apimachinery/pkg/apis/meta/', 'meta/')
    .replace('k8s.io/apimachinery/pkg/runtime.', 'runtime.')
    .replace('k8s.io/apimachinery/pkg/api/resource.', 'resource.')
    .replace('k8s.io/apimachinery/pkg/util/intstr.', 'intstr.')
    .replace('k8s.io/apiextensions-apiserver/pkg/apis/', '')
    .replace('k8s.io/kube-aggregator/pkg/apis/', '')
    .replace('k8s.io/api/', '')
    .replaceAll('/', '.');
const swaggerName = (goName) => {
  const slash = goName.replace('k8s.io/', 'io.k8s.').replaceAll('/', '.');
  return slash;
};

const rows = [];
const addVersion = (group, version, resources) => {
  for (const resource of resources) {
    if (leftOut.includes(resource.resource)) continue;
    const subresources = (resource.subresources ?? [])
      .filter((sub) => !leftOutSubresources.includes(sub.subresource))
      .map((sub) => {
        const { kind } = sub.responseKind ?? { kind: resource.responseKind.kind };
        const subGroup = sub.responseKind?.group || group;
        const subVersion = sub.responseKind?.version || version;
        const own = sub.responseKind === undefined || (subGroup === group && kind === resource.responseKind.kind);
        return [sub.subresource, kind, own ? '' : subGroup, own ? '' : subVersion, sub.verbs.join(',')];
      });
    rows.push({
      group,
      version,
      plural: resource.resource,
      kind: resource.responseKind.kind,
      singular: resource.singularResource,
      namespaced: resource.scope === 'Namespaced',
      verbs: resource.verbs.join(','),
      shortNames: (resource.shortNames ?? []).join(','),
      categories: (resource.categories ?? []).join(','),
      subresources,
    });
  }
};

const core = readJson(`${source}/api/discovery/api__v1.json`).resources;
const coreAggregated = core
  .filter((resource) => !resource.name.includes('/'))
  .map((resource) => ({
    resource: resource.name,
    responseKind: { group: '', version: '', kind: resource.kind },
    singularResource: resource.singularName,
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    verbs: resource.verbs,
    shortNames: resource.shortNames,
    categories: resource.categories,
    subresources: core
      .filter((sub) => sub.name.startsWith(`${resource.name}/`))
      .filter((sub) => !sub.name.endsWith('/proxy'))
      .map((sub) => ({
        subresource: sub.name.slice(resource.name.length + 1),
        responseKind: { group: sub.group ?? '', version: sub.version ?? '', kind: sub.kind },
        verbs: sub.verbs,
      })),
  }));
addVersion('', 'v1', coreAggregated);
for (const group of readJson(`${source}/api/discovery/aggregated_v2.json`).items) {
  for (const version of group.versions) {
    if (served.includes(`${group.metadata.name}/${version.version}`)) {
      addVersion(group.metadata.name, version.version, version.resources);
    }
  }
}

const wanted = new Map();
const want = (goName) => {
  if (goName === '' || wanted.has(goName)) return;
  wanted.set(goName, true);
  for (const field of table.types[goName] ?? []) want(field.Type.includes('/') ? field.Type : '');
};
const kinds = {};
const wantKind = (group, version, kind) => {
  const goName = table.kinds[`${group}/${version}/${kind}`];
  if (goName === undefined) throw new Error(`no type for ${group}/${version}/${kind}`);
  kinds[`${group}/${version}/${kind}`] = shortName(goName);
  want(goName);
};
for (const row of rows) {
  wantKind(row.group, row.version, row.kind);
  for (const [name, kind, group, version] of row.subresources) {
    if (version !== '') wantKind(group, version, kind);
    else if (!['log', 'exec', 'attach', 'portforward'].includes(name)) wantKind(row.group, row.version, kind);
  }
}
wantKind('', 'v1', 'DeleteOptions');
wantKind('', 'v1', 'Status');

const letters = { string: 's', bool: 'b', int32: 'i', int64: 'l', float: 'f', bytes: 'y', strings: '[s' };
const fieldText = (goName, field) => {
  const definition = swagger[swaggerName(goName)];
  const property = definition?.properties?.[field.Name] ?? {};
  const repr = `${field.Map ? '{' : field.List ? '[' : ''}${field.Kind === 'struct' ? shortName(field.Type) : letters[field.Kind]}`;
  let flags = `${field.Pointer ? 'p' : ''}${field.Omitempty ? 'o' : ''}${field.Omitzero ? 'z' : ''}`;
  if (definition?.required?.includes(field.Name)) flags += 'r';
  const listType = property['x-kubernetes-list-type'];
  if (listType === 'atomic' || property['x-kubernetes-map-type'] === 'atomic') flags += 'a';
  if (listType === 'set') flags += 's';
  if (property.format === 'date-time') flags += 't';
  const extras = [];
  if (listType === 'map') extras.push(`keys=${property['x-kubernetes-list-map-keys'].join(',')}`);
  if (field.Strategy !== '') extras.push(`patch=${field.Strategy}`);
  if (field.MergeKey !== '') extras.push(`mergeKey=${field.MergeKey}`);
  return [field.Name, field.Number, repr, flags, ...extras].join(':');
};
const types = {};
for (const goName of [...wanted.keys()].sort()) {
  const definition = swagger[swaggerName(goName)];
  const atomic = definition?.['x-kubernetes-map-type'] === 'atomic' ? '@atomic ' : '';
  types[shortName(goName)] = atomic + (table.types[goName] ?? []).map((field) => fieldText(goName, field)).join(' ');
}

/** The graph of types that lead to a patch directive: `field:type:strategy:mergeKey`, lists marked with `[`, maps with `{`. */
const mergeTypes = {};
const leads = new Map();
const mergeable = (goName, trail = []) => {
  if (leads.has(goName)) return leads.get(goName);
  if (trail.includes(goName)) return false;
  const own = (table.types[goName] ?? []).some(
    (field) => field.Strategy !== '' || (field.Type.includes('/') && mergeable(field.Type, [...trail, goName])),
  );
  leads.set(goName, own);
  return own;
};
const flatFields = (goName) =>
  (table.types[goName] ?? []).flatMap((field) => (field.Name === '' ? flatFields(field.Type) : [field]));
const mergeKinds = {};
const addMergeType = (goName) => {
  const name = shortName(goName);
  if (mergeTypes[name] !== undefined) return;
  mergeTypes[name] = '';
  const parts = [];
  for (const field of flatFields(goName)) {
    const deep = field.Type.includes('/') && mergeable(field.Type);
    if (field.Strategy === '' && !deep) continue;
    if (deep) addMergeType(field.Type);
    const type = deep ? shortName(field.Type) : '';
    const shape = field.List ? '[' : field.Map ? '{' : '';
    parts.push([field.Name, shape + type, field.Strategy, field.MergeKey].join(':').replace(/:+$/, ''));
  }
  mergeTypes[name] = parts.join(' ');
};
for (const row of rows) {
  const goName = table.kinds[`${row.group}/${row.version}/${row.kind}`];
  mergeKinds[`${row.group === '' ? '' : `${row.group}/`}${row.version}/${row.kind}`] = shortName(goName);
  addMergeType(goName);
}

const lines = (record) =>
  `{\n${Object.entries(record)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(',\n')}\n}`;
writeFileSync(new URL('resources.json', data), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
writeFileSync(new URL('types.json', data), `{\n"kinds": ${lines(kinds)},\n"types": ${lines(types)}\n}\n`);
const merge = new URL('../../api/src/patch/merge-types.json', import.meta.url);
writeFileSync(merge, `{\n"kinds": ${lines(mergeKinds)},\n"types": ${lines(mergeTypes)}\n}\n`);

/** The roles and bindings every cluster starts with; those of the controllers are for a kube-controller-manager in place of ours. */
const policy = `${source}/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata/`;
const policyFiles = [
  'cluster-roles',
  'cluster-role-bindings',
  'controller-roles',
  'controller-role-bindings',
  'namespace-roles',
  'namespace-role-bindings',
];
const roles = policyFiles.flatMap((file) =>
  parse(readFileSync(`${policy}${file}.yaml`, 'utf8')).items.map(({ kind, metadata, rules, aggregationRule, roleRef, subjects }) => ({
    kind,
    name: metadata.name,
    namespace: metadata.namespace,
    labels: metadata.labels,
    rules: kind.endsWith('Role') ? rules : undefined,
    aggregationRule,
    roleRef,
    subjects,
  })),
);
writeFileSync(new URL('bootstrap-roles.json', data), `[\n${roles.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
