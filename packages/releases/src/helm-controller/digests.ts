/** Digests as the helm-controller of Flux computes them, so that either can go on with the other's releases. */

import { createHash } from 'node:crypto';
import { toYaml } from '@towpath/charts';
import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Release, ReleaseHook } from '../storage/release.ts';
import type { HelmReleaseSpec, Snapshot, TestHookStatus } from './helm-release.ts';

/** Of values as YAML with sorted keys; of nothing when there are none. Source: fluxcd/pkg chartutil, DigestValues. */
export function valuesDigest(values: UnknownRecord): string {
  return sha256(Object.keys(values).length === 0 ? '' : `${toYaml(values, { keyOrder: 'bytes' })}\n`);
}

/** Of `spec.postRenderers`; '' without. */
export function postRenderersDigest({ postRenderers }: HelmReleaseSpec): string {
  if (postRenderers === undefined) return '';
  const ordered = postRenderers.map(({ kustomize }) => ({
    ...(kustomize !== undefined && {
      kustomize: {
        ...nonEmpty(
          'patches',
          kustomize.patches?.map(({ patch, target }) => ({ patch, ...selectorOf(target) })),
        ),
        ...nonEmpty(
          'images',
          kustomize.images?.map((image) => pick(image, ['name', 'newName', 'newTag', 'digest'])),
        ),
      },
    }),
  }));
  return sha256(`${goJson(ordered)}\n`);
}

function selectorOf(target: object | undefined): UnknownRecord {
  if (target === undefined) return {};
  const names = ['group', 'version', 'kind', 'namespace', 'name', 'annotationSelector', 'labelSelector'];
  return { target: pick(target, names) };
}

/** Of `spec.commonMetadata`; '' without. */
export function commonMetadataDigest({ commonMetadata }: HelmReleaseSpec): string {
  if (commonMetadata === undefined) return '';
  const { annotations, labels } = commonMetadata;
  const ordered = { ...nonEmptyMap('annotations', annotations), ...nonEmptyMap('labels', labels) };
  return sha256(`${goJson(ordered)}\n`);
}

/** Of a revision as it is stored, tests left out. Source: helm-controller internal/release, Observation. */
export function releaseDigest(release: Release, ociDigest: string | undefined): string {
  const { info } = release;
  const observed = {
    name: release.name,
    version: release.version,
    info: {
      ...nonEmpty('first_deployed', info.first_deployed),
      ...nonEmpty('last_deployed', info.last_deployed),
      ...nonEmpty('deleted', info.deleted),
      ...nonEmpty('description', info.description),
      status: info.status,
      ...nonEmpty('notes', info.notes),
    },
    chartMetadata: chartMetadata(release.chart.metadata),
    config: Object.keys(release.config).length === 0 ? null : sortedKeys(release.config),
    manifest: release.manifest,
    hooks: hooksOf(release),
    namespace: release.namespace,
    ...nonEmpty('ociDigest', ociDigest),
  };
  return sha256(`${goJson(observed)}\n`);
}

function hooksOf(release: Release): UnknownRecord[] | null {
  const hooks = release.hooks.filter(({ events }) => !events.includes('test'));
  return hooks.length === 0 ? null : hooks.map(hookOf);
}

function hookOf(hook: ReleaseHook): UnknownRecord {
  const { last_run: run } = hook;
  return {
    ...nonEmpty('name', hook.name),
    ...nonEmpty('kind', hook.kind),
    ...nonEmpty('path', hook.path),
    ...nonEmpty('manifest', hook.manifest),
    ...nonEmpty('events', hook.events),
    last_run: {
      ...nonEmpty('started_at', run.started_at),
      ...nonEmpty('completed_at', run.completed_at),
      phase: run.phase,
    },
    ...(hook.weight !== undefined && hook.weight !== 0 && { weight: hook.weight }),
    ...nonEmpty('delete_policies', hook.delete_policies),
    ...nonEmpty('output_log_policies', hook.output_log_policies),
  };
}

const metadataMembers = [
  'name',
  'home',
  'sources',
  'version',
  'description',
  'keywords',
  'maintainers',
  'icon',
  'apiVersion',
  'condition',
  'tags',
  'appVersion',
  'deprecated',
  'annotations',
  'kubeVersion',
  'dependencies',
  'type',
] as const;
const maintainerMembers = ['name', 'email', 'url'];
const dependencyMembers = ['version', 'repository', 'condition', 'tags', 'enabled', 'import-values', 'alias'];

function chartMetadata(metadata: UnknownRecord): UnknownRecord {
  const ordered = pick(metadata, metadataMembers);
  const { maintainers, dependencies, annotations } = ordered;
  if (Array.isArray(maintainers)) ordered['maintainers'] = maintainers.map((entry) => pick(entry, maintainerMembers));
  if (Array.isArray(dependencies)) ordered['dependencies'] = dependencies.map(dependencyOf);
  if (isRecord(annotations)) ordered['annotations'] = sortedKeys(annotations);
  return ordered;
}

/** Its name and repository are written even when they are empty. */
function dependencyOf(entry: unknown): UnknownRecord {
  const given = isRecord(entry) ? entry : {};
  const ordered: UnknownRecord = { name: given['name'] ?? '' };
  for (const member of dependencyMembers) {
    if (member === 'repository') ordered[member] = given[member] ?? '';
    else Object.assign(ordered, pick(given, [member]));
  }
  return ordered;
}

/** What the status says of a revision. */
export function snapshotOf(release: Release, about: Pick<Snapshot, 'action' | 'ociDigest'>): Snapshot {
  const { info, chart } = release;
  const metadata = chart.metadata;
  const appVersion = text(metadata['appVersion']);
  return {
    apiVersion: 'v2',
    digest: releaseDigest(release, about.ociDigest),
    name: release.name,
    namespace: release.namespace,
    version: release.version,
    status: info.status,
    ...nonEmpty('action', about.action),
    chartName: text(metadata['name']),
    chartVersion: text(metadata['version']),
    ...nonEmpty('appVersion', appVersion),
    configDigest: valuesDigest(release.config),
    firstDeployed: wholeSeconds(info.first_deployed),
    lastDeployed: wholeSeconds(info.last_deployed),
    ...(info.deleted !== '' && { deleted: wholeSeconds(info.deleted) }),
    ...nonEmpty('ociDigest', about.ociDigest),
  };
}

export function testHooksOf(release: Release): Record<string, TestHookStatus> {
  const tests = release.hooks.filter(({ events }) => events.includes('test'));
  return Object.fromEntries(
    tests.map(({ name, last_run: run }) => [
      name,
      {
        lastStarted: wholeSeconds(run.started_at),
        lastCompleted: wholeSeconds(run.completed_at),
        ...nonEmpty('phase', run.phase),
      },
    ]),
  );
}

/** A time as `metav1.Time` writes it. */
function wholeSeconds(time: string): string | null {
  return time === '' ? null : new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function sha256(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** JSON as Go's encoder writes it: the keys of a Map sorted by bytes; `<`, `>`, `&` and line separators escaped. */
function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (value instanceof Map) {
    const keys = [...value.keys()].map(String).toSorted(byBytes);
    return `{${keys.map((key) => `${goJson(key)}:${goJson(value.get(key))}`).join(',')}}`;
  }
  if (isRecord(value)) {
    const members = Object.entries(value).map(([key, member]) => `${goJson(key)}:${goJson(member)}`);
    return `{${members.join(',')}}`;
  }
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return (JSON.stringify(value) ?? 'null').replace(/[<>&\u2028\u2029]/g, escaped);
}

function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** As a Map whose keys {@link goJson} sorts: Go writes maps so, and structs in the order of their members. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (!isRecord(value)) return value;
  return new Map(Object.entries(value).map(([key, member]) => [key, sortedKeys(member)]));
}

/** The members that are there and not empty, in this order: Go's `omitempty`. */
function pick(value: unknown, members: readonly string[]): UnknownRecord {
  if (!isRecord(value)) return {};
  return Object.assign({}, ...members.map((member) => nonEmpty(member, value[member])));
}

function nonEmptyMap(member: string, value: Record<string, string> | undefined): UnknownRecord {
  return value === undefined || Object.keys(value).length === 0 ? {} : { [member]: sortedKeys(value) };
}

function nonEmpty<Name extends string, Value>(
  member: Name,
  value: Value,
): Partial<Record<Name, Exclude<Value, undefined>>> {
  const isEmpty =
    value === undefined ||
    value === null ||
    value === '' ||
    value === false ||
    value === 0 ||
    (Array.isArray(value) && value.length === 0) ||
    (isRecord(value) && Object.keys(value).length === 0);
  return isEmpty ? {} : ({ [member]: value } as Partial<Record<Name, Exclude<Value, undefined>>>);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
