/** What a repository asks of a cluster: its manifests, and what its releases render to. */

import { parseApiVersion, type AnyObject, type ResourceType, type Key } from '@towpath/api';
import type { LineOrigin } from '@towpath/charts';
import { messageOf } from '@towpath/kit';
import { parseHelmRelease, type HelmReleaseSpec } from '@towpath/releases';
import { manifestPaths, parseManifests, placeManifests, type Manifest, type Resource } from '@towpath/sync';
import { asOperatorRelease, buildKustomizations, isKustomizeFile, liveManifest, type Built } from './flux2.ts';
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
  /** Made by a kustomization: its lines are no lines of a file. */
  readonly isBuilt?: boolean;
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
  /** What is not followed, and why. */
  readonly notes: readonly string[];
  /** Of Kustomizations that were built. */
  readonly folders: readonly string[];
}

export interface DesiredOptions {
  /** Folders that are synchronised; empty means the whole repository. */
  readonly paths: readonly string[];
  /** GitRepositories and Kustomizations that the cluster has: when there are any, only what they build counts. */
  readonly live: readonly AnyObject[];
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
  const { manifests, built, folders, notes } = readManifests(files, { below, options, problems });
  let placed: readonly Resource[] = [];
  try {
    placed = await placeManifests([...manifests, ...built], { lookup: options.lookup, defaultNamespace: 'default' });
  } catch (error) {
    problems.push({ source: options.paths.join(', ') || '.', message: messageOf(error) });
  }
  const texts = new Map([...manifests, ...built].map((each) => [textKey(each), each.text]));
  const fromBuild = new Set(built.map(textKey));
  const plain = placed
    .filter(({ ignore }) => ignore !== 'yes')
    .map(({ object, source }): Desired => {
      const key = textKey({ object, source });
      return {
        object,
        source,
        text: texts.get(key) ?? '',
        isHook: false,
        ...(fromBuild.has(key) && { isBuilt: true }),
      };
    });
  const known = [...manifests, ...built, ...options.live.map(liveManifest)];
  const found = readReleases(plain, { files, options, problems, manifests: known });
  return { plain, ...found, notes: [...notes, ...found.notes], folders };
}

function textKey({ object, source }: { object: AnyObject; source: string }): string {
  return `${source} ${object.kind}/${object.metadata.name}`;
}

/** File by file, but for folders that Kustomizations of Flux 2 build. */
function readManifests(
  files: Files,
  { below, options, problems }: { below: readonly string[]; options: DesiredOptions; problems: PlanProblem[] },
): { manifests: readonly Manifest[]; built: readonly Manifest[] } & Pick<Built, 'folders' | 'notes'> {
  if (options.live.length > 0) {
    const { manifests, ...rest } = buildKustomizations(options.live.map(liveManifest), {
      files,
      isOwn: options.isOwn,
      isLive: true,
    });
    problems.push(...rest.problems);
    return { manifests: [], built: manifests, folders: rest.folders, notes: rest.notes };
  }
  const paths = manifestPaths(below).filter((path) => !isKustomizeFile(path));
  const parsed = parseManifests(new Map(paths.map((path) => [path, textOf(files.get(path))])));
  const { folders, notes, ...built } = buildKustomizations(parsed.manifests, { files, isOwn: options.isOwn });
  problems.push(...built.problems);
  const roots = folders.length > 0 && options.paths.length === 0 ? declaringFolders(parsed.manifests) : [];
  const isRead = (source: string): boolean =>
    isBelow(source, roots) && !(folders.length > 0 && isBelow(source, folders));
  problems.push(
    ...parsed.problems.filter(({ source }) => isRead(source)).map(({ source, message }) => ({ source, message })),
  );
  return { manifests: parsed.manifests.filter(({ source }) => isRead(source)), built: built.manifests, folders, notes };
}

/** Where Kustomizations stand: what a cluster starts with. */
function declaringFolders(manifests: readonly Manifest[]): string[] {
  const found = manifests.filter(
    ({ object }) => parseApiVersion(object.apiVersion).group === 'kustomize.toolkit.fluxcd.io',
  );
  return [...new Set(found.map(({ source }) => source.slice(0, Math.max(0, source.lastIndexOf('/')))))];
}

function readReleases(
  plain: readonly Desired[],
  {
    files,
    options,
    problems,
    manifests,
  }: { files: Files; options: DesiredOptions; problems: PlanProblem[]; manifests: readonly Manifest[] },
): Omit<DesiredSet, 'plain' | 'folders'> {
  const releases: ReleaseInput[] = [];
  const notes: string[] = [];
  for (const declared of plain) {
    if (declared.object.kind !== 'HelmRelease') continue;
    const { group } = parseApiVersion(declared.object.apiVersion);
    const object = group === 'helm.toolkit.fluxcd.io' ? asOperatorRelease(declared.object, manifests) : declared.object;
    if (typeof object === 'string') {
      notes.push(`${nameOf(declared.object)}: ${object}`);
      continue;
    }
    try {
      releases.push(releaseInput(declared, object, { files, options }));
    } catch (error) {
      problems.push({ source: declared.source, message: messageOf(error) });
    }
  }
  return { releases, problems, notes };
}

function releaseInput(
  declared: Desired,
  object: AnyObject,
  { files, options }: { files: Files; options: DesiredOptions },
): ReleaseInput {
  const spec = parseHelmRelease(object as Parameters<typeof parseHelmRelease>[0]);
  const { namespace = 'default', name } = declared.object.metadata;
  const isHere = spec.chart.type === 'git' && options.isOwn(spec.chart.url);
  const chart = isHere && spec.chart.type === 'git' ? filesBelow(files, spec.chart.path) : undefined;
  return { id: `${namespace}/${name}`, declared, spec, chart };
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
