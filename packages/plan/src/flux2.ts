/** Objects of Flux 2 in a repository: Kustomizations built, HelmReleases as the same input as those of Flux 1. */

import { keyOf, keyText, parseApiVersion, type AnyObject } from '@towpath/api';
import { getIn, isRecord, messageOf, stringifyYaml } from '@towpath/kit';
import { buildSource, type BuildSpec, type Manifest } from '@towpath/sync';
import type { PlanProblem } from './report.ts';

type Files = ReadonlyMap<string, Uint8Array>;

/** True for the file of kustomize itself, which is no object of a cluster. */
export function isKustomizeFile(path: string): boolean {
  return /(^|\/)(kustomization\.ya?ml|Kustomization)$/.test(path);
}

/** The Kustomizations among `manifests` whose source is this repository. */
function ownKustomizations(manifests: readonly Manifest[], isOwn: (url: string) => boolean): Manifest[] {
  return manifests.filter((each) => {
    const { object } = each;
    if (!isKustomization(each) || getIn(object, ['spec', 'sourceRef', 'kind']) !== 'GitRepository') return false;
    const url = sourceUrl(object, ['spec', 'sourceRef'], manifests);
    // The source that bootstrap made is often not declared beside it.
    return url === undefined || isOwn(url);
  });
}

function isKustomization({ object }: Manifest): boolean {
  return object.kind === 'Kustomization' && parseApiVersion(object.apiVersion).group === 'kustomize.toolkit.fluxcd.io';
}

/** An object of the cluster in the place of a manifest: its file is the folder it builds. */
export function liveManifest(object: AnyObject): Manifest {
  const folder = folderOf({ object });
  return { object, source: folder === '' ? '.' : folder, text: '' };
}

/** The folder a Kustomization builds. */
function folderOf({ object }: Pick<Manifest, 'object'>): string {
  return String(getIn(object, ['spec', 'path']) ?? '').replace(/^\.?\/+|^\.$|\/+$/g, '');
}

export interface Built {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly PlanProblem[];
  /** Folders that are built, and not read file by file. */
  readonly folders: readonly string[];
  /** Kustomizations of other sources. */
  readonly notes: readonly string[];
}

/** What they build, Kustomizations that come out of it included; one that cannot be built is a problem of its file, or of its folder when live. */
export function buildKustomizations(
  declared: readonly Manifest[],
  { files, isOwn, isLive = false }: { files: Files; isOwn: (url: string) => boolean; isLive?: boolean },
): Built {
  const manifests = new Map<string, Manifest>();
  const problems: PlanProblem[] = [];
  const seen = new Map<string, Manifest>();
  const queue = ownKustomizations(declared, isOwn);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { object } = next;
    const source = isLive ? folderOf(next) : next.source;
    const key = keyText(keyOf(object));
    if (seen.has(key)) continue;
    seen.set(key, next);
    try {
      const built = buildSource(files, folderOf(next), (object['spec'] ?? {}) as BuildSpec);
      const found = built.map((each) => ({ object: each, source, text: stringifyYaml(each) }));
      for (const each of found) manifests.set(identityOf(each.object), each);
      queue.push(...ownKustomizations([...declared, ...found], isOwn));
    } catch (error) {
      problems.push({ source, message: `Kustomization ${object.metadata.name} cannot be built: ${messageOf(error)}` });
    }
  }
  const others = [...declared, ...manifests.values()].filter(
    (each) => isKustomization(each) && !seen.has(keyText(keyOf(each.object))),
  );
  const notes = others.map(({ object }) => {
    const kind = String(getIn(object, ['spec', 'sourceRef', 'kind']));
    const name = String(getIn(object, ['spec', 'sourceRef', 'name']));
    return `Kustomization ${keyText(keyOf(object))}: its source ${kind} ${name} is not this repository: what it applies is not compared`;
  });
  return {
    manifests: [...manifests.values()],
    problems,
    folders: [...seen.values()].map(folderOf),
    notes: [...new Set(notes)],
  };
}

function identityOf({ apiVersion, kind, metadata }: AnyObject): string {
  return `${parseApiVersion(apiVersion).group}/${kind}/${metadata.namespace ?? ''}/${metadata.name}`;
}

/** A HelmRelease of helm.toolkit.fluxcd.io as the Helm operator would write it; a text says what is not followed. */
export function asOperatorRelease(object: AnyObject, manifests: readonly Manifest[]): AnyObject | string {
  const chart = getIn(object, ['spec', 'chart', 'spec']);
  if (!isRecord(chart)) return 'its chartRef is not followed';
  const url = sourceUrl(object, ['spec', 'chart', 'spec', 'sourceRef'], manifests);
  if (getIn(chart, ['sourceRef', 'kind']) !== 'GitRepository' || url === undefined) {
    return `its chart ${String(chart['chart'])} is not in this repository and was not rendered`;
  }
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const values = Array.isArray(spec['valuesFrom']) ? spec['valuesFrom'].filter(isRecord) : [];
  if (values.some(({ targetPath }) => targetPath !== undefined)) return 'targetPath of its valuesFrom is not followed';
  const target = spec['targetNamespace'];
  const prefix = typeof target === 'string' ? `${target}-` : '';
  return {
    apiVersion: 'helm.fluxcd.io/v1',
    kind: 'HelmRelease',
    metadata: object.metadata,
    spec: {
      releaseName: spec['releaseName'] ?? `${prefix}${object.metadata.name}`,
      ...(target !== undefined && { targetNamespace: target }),
      chart: { git: url, path: String(chart['chart']) },
      values: spec['values'] ?? {},
      valuesFrom: values.map(({ kind, name, valuesKey, optional }) => ({
        [kind === 'Secret' ? 'secretKeyRef' : 'configMapKeyRef']: {
          name,
          key: valuesKey ?? 'values.yaml',
          optional: optional === true,
        },
      })),
    },
  };
}

function sourceUrl(object: AnyObject, path: readonly string[], manifests: readonly Manifest[]): string | undefined {
  const name = getIn(object, [...path, 'name']);
  const namespace = getIn(object, [...path, 'namespace']) ?? object.metadata.namespace;
  const found = manifests.find(({ object: { kind, metadata } }) => {
    return kind === 'GitRepository' && metadata.name === name && (metadata.namespace ?? namespace) === namespace;
  });
  const url = getIn(found?.object, ['spec', 'url']);
  return typeof url === 'string' ? url : undefined;
}
