/** What a repository asks of a cluster: its manifests, and what its releases render to. */

import { parseApiVersion, type AnyObject, type KubeObject, type ResourceType, type Key } from '@towpath/api';
import type { LineOrigin } from '@towpath/charts';
import { messageOf } from '@towpath/kit';
import { parseHelmRelease, type HelmReleaseSpec } from '@towpath/releases';
import { manifestPaths, parseManifests, placeManifests, type Resource } from '@towpath/sync';
import type { PlanProblem } from './report.ts';

/** The files of one state of a repository, by path. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** One object that should exist. */
export interface Desired {
  readonly object: AnyObject;
  /** Its own document. */
  readonly text: string;
  /** `file:line` in the repository. */
  readonly source: string;
  readonly release?: string;
  readonly isHook: boolean;
  /** Of a line of `text`, from 1. */
  readonly originOf?: (line: number) => LineOrigin | undefined;
  /** Where a place of the chart, as the engine names it, is in the repository. */
  readonly placeOf?: (place: { readonly file: string; readonly line: number }) => string;
  /** Who set a value, when the HelmRelease did. */
  readonly setterLine?: (path: string) => string;
}

/** A HelmRelease of helm.fluxcd.io/v1, with the files it depends on. */
export interface ReleaseInput {
  /** `ns/name`. */
  readonly id: string;
  readonly declared: Desired;
  readonly spec: HelmReleaseSpec;
  /** Of its chart, by chart-relative path; undefined when the chart is not in this repository. */
  readonly chart: Files | undefined;
}

export interface DesiredSet {
  readonly plain: readonly Desired[];
  readonly releases: readonly ReleaseInput[];
  readonly problems: readonly PlanProblem[];
}

export interface DesiredOptions {
  /** Folders that are synchronised; empty means the whole repository. */
  readonly paths: readonly string[];
  /** True when a URL names this repository. */
  readonly isOwn: (url: string) => boolean;
  readonly lookup: (target: { apiVersion: string; kind: string }) => Promise<ResourceType | undefined>;
}

/** Reads the manifests; what cannot be read becomes a problem with its file and line. */
export async function readDesired(files: Files, options: DesiredOptions): Promise<DesiredSet> {
  const problems: PlanProblem[] = [];
  const below = [...files.keys()].filter((path) => isBelow(path, options.paths));
  for (const path of options.paths) {
    if (!below.some((file) => isBelow(file, [path]))) {
      problems.push({ source: path, message: `the path ${path} is not in the repository: nothing would be applied` });
    }
  }
  const texts = new Map(manifestPaths(below).map((path) => [path, textOf(files.get(path))]));
  const parsed = parseManifests(texts);
  problems.push(...parsed.problems.map(({ source, message }) => ({ source, message })));
  let placed: readonly Resource[] = [];
  try {
    placed = await placeManifests(parsed.manifests, { lookup: options.lookup, defaultNamespace: 'default' });
  } catch (error) {
    problems.push({ source: options.paths.join(', ') || '.', message: messageOf(error) });
  }
  const textBySource = new Map(parsed.manifests.map(({ source, text }) => [source, text]));
  const plain = placed
    .filter(({ ignore }) => ignore !== 'yes')
    .map(({ object, source }) => ({ object, source, text: textBySource.get(source) ?? '', isHook: false }));
  const releases: ReleaseInput[] = [];
  for (const declared of plain) {
    if (!isHelmRelease(declared.object)) continue;
    try {
      releases.push(releaseInput(declared, files, options));
    } catch (error) {
      problems.push({ source: declared.source, message: messageOf(error) });
    }
  }
  return { plain, releases, problems };
}

function releaseInput(declared: Desired, files: Files, { isOwn }: DesiredOptions): ReleaseInput {
  const spec = parseHelmRelease(declared.object as Parameters<typeof parseHelmRelease>[0]);
  const { namespace = 'default', name } = declared.object.metadata;
  const chart = spec.chart.type === 'git' && isOwn(spec.chart.url) ? filesBelow(files, spec.chart.path) : undefined;
  return { id: `${namespace}/${name}`, declared, spec, chart };
}

function isHelmRelease({ apiVersion, kind }: KubeObject): boolean {
  return kind === 'HelmRelease' && parseApiVersion(apiVersion).group === 'helm.fluxcd.io';
}

/** Files of a folder by their path within it. */
function filesBelow(files: Files, folder: string): Files {
  const prefix = folder === '' ? '' : `${folder}/`;
  return new Map(
    [...files].filter(([path]) => path.startsWith(prefix)).map(([path, data]) => [path.slice(prefix.length), data]),
  );
}

function isBelow(path: string, folders: readonly string[]): boolean {
  if (folders.length === 0) return true;
  return folders.some((folder) => folder === '' || folder === '.' || path === folder || path.startsWith(`${folder}/`));
}

function textOf(data: Uint8Array | undefined): string {
  return data === undefined ? '' : Buffer.from(data).toString('utf8');
}

/** Equal for the same thing, whatever version of its group a manifest names. */
export function identityOf(object: AnyObject): string {
  const { group } = parseApiVersion(object.apiVersion);
  return `${group}/${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** Kinds without a namespace, for a cluster that is not there to be asked. */
const clusterKinds = new Set(
  (
    'Namespace Node PersistentVolume ClusterRole ClusterRoleBinding CustomResourceDefinition StorageClass PriorityClass ' +
    'IngressClass APIService ValidatingWebhookConfiguration MutatingWebhookConfiguration RuntimeClass CSIDriver'
  ).split(' '),
);

/** The scope of a kind by its name alone. */
export function guessResource({ apiVersion, kind }: { apiVersion: string; kind: string }): ResourceType {
  return {
    ...parseApiVersion(apiVersion),
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: !clusterKinds.has(kind),
  };
}

/** `kind/name` with its namespace, for messages. */
export function nameOf({ kind, metadata }: { kind: string; metadata: Key }): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}
