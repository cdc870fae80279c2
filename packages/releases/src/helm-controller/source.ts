/** The chart a HelmRelease means: the source object that holds its artifact, and the chart in it. */

import { createHash } from 'node:crypto';
import type { AnyObject, Condition, ResourceType } from '@towpath/api';
import { loadChart, type Chart } from '@towpath/charts';
import { getIn, isRecord } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import { isVersion, sameVersion, withBuild } from '../sources/version.ts';
import type { HelmRelease } from './helm-release.ts';
import { namespaceOf } from './settings.ts';

export const sourceGroup = 'source.toolkit.fluxcd.io';
export type SourceKind = 'HelmChart' | 'OCIRepository' | 'ExternalArtifact';

export const sourceTypes: Readonly<Record<SourceKind, ResourceType<AnyObject>>> = {
  HelmChart: { group: sourceGroup, version: 'v1', kind: 'HelmChart', plural: 'helmcharts', namespaced: true },
  OCIRepository: {
    group: sourceGroup,
    version: 'v1',
    kind: 'OCIRepository',
    plural: 'ocirepositories',
    namespaced: true,
  },
  ExternalArtifact: {
    group: sourceGroup,
    version: 'v1',
    kind: 'ExternalArtifact',
    plural: 'externalartifacts',
    namespaced: true,
  },
};

/** What a source's status says of its content. */
export interface Artifact {
  readonly url: string;
  readonly revision: string;
  readonly digest: string;
}

export interface SourceRef {
  readonly kind: SourceKind;
  readonly namespace: string;
  readonly name: string;
}

/** Where the chart comes from; undefined while the HelmChart of `spec.chart` is not made yet. */
export function sourceRefOf(object: HelmRelease, helmChart: string | undefined): SourceRef | undefined {
  const { chartRef } = object.spec;
  if (chartRef !== undefined) {
    return {
      kind: chartRef.kind as SourceKind,
      namespace: chartRef.namespace || namespaceOf(object),
      name: chartRef.name,
    };
  }
  const [namespace, name] = (helmChart ?? '').split('/');
  if (namespace === undefined || name === undefined) return undefined;
  return { kind: 'HelmChart', namespace, name };
}

/** The source, or undefined when there is none. */
export function getSource(ref: SourceRef, client: Client): Promise<AnyObject | undefined> {
  return client.get(sourceTypes[ref.kind], { namespace: ref.namespace, name: ref.name });
}

export function artifactOf(source: AnyObject): Artifact | undefined {
  const artifact = getIn(source, ['status', 'artifact']);
  if (!isRecord(artifact)) return undefined;
  const { url, revision, digest } = artifact;
  if (typeof url !== 'string' || typeof revision !== 'string') return undefined;
  return { url, revision, digest: typeof digest === 'string' ? digest : '' };
}

/** Equal for equal content. */
export function artifactText({ revision, digest }: Artifact): string {
  return `${revision} ${digest}`;
}

/** Why a source cannot be used now; undefined when it can. Source: helm-controller, isSourceReady. */
export function whyNotReady(source: AnyObject): string | undefined {
  const { namespace = '', name, generation } = source.metadata;
  const what = `${source.kind} '${namespace}/${name}' is not ready`;
  const artifact = artifactOf(source);
  if (source.kind === 'ExternalArtifact')
    return artifact === undefined ? `${what}: does not have an artifact` : undefined;
  const stalled = conditionOf(source, 'Stalled');
  if (getIn(source, ['status', 'observedGeneration']) !== generation) {
    const ready = conditionOf(source, 'Ready');
    const why = ready?.status === 'False' ? ready.message : undefined;
    return `${what}: ${why ?? 'latest generation of object has not been reconciled'}`;
  }
  if (stalled?.status === 'True') return `${what}: ${stalled.message ?? ''}`;
  return artifact === undefined ? `${what}: does not have an artifact` : undefined;
}

function conditionOf(source: AnyObject, type: string): Condition | undefined {
  const conditions = getIn(source, ['status', 'conditions']);
  if (!Array.isArray(conditions)) return undefined;
  return (conditions.filter(isRecord) as unknown as Condition[]).find((condition) => condition.type === type);
}

export interface LoadedChart {
  readonly chart: Chart;
  /** Of an OCI artifact; '' for others. */
  readonly ociDigest: string;
}

/** An artifact that its URL does not answer: it was collected, and there will be a newer one. */
export const artifactGone = 'the artifact is gone';

export interface ChartLoader {
  /** Throws {@link artifactGone} as the cause when the file is not there (any more). */
  load(source: AnyObject, artifact: Artifact): Promise<LoadedChart>;
}

const chartsCached = 64;

/** Fetches by URL, checks the digest and keeps loaded charts by it. `fetch` answers undefined for a 404. */
export function createChartLoader(fetch: (url: string) => Promise<Uint8Array | undefined>): ChartLoader {
  const cache = new Map<string, Promise<Chart>>();
  return {
    async load(source, artifact) {
      const key = artifact.digest === '' ? artifact.url : artifact.digest;
      let loading = cache.get(key);
      if (loading === undefined) {
        loading = fetchChart(artifact, fetch);
        cache.set(key, loading);
        loading.catch(() => cache.delete(key));
        const [oldest] = cache.keys();
        if (cache.size > chartsCached && oldest !== undefined) cache.delete(oldest);
      }
      return withRevision(await loading, source, artifact);
    },
  };
}

async function fetchChart(
  { url, digest }: Artifact,
  fetch: (url: string) => Promise<Uint8Array | undefined>,
): Promise<Chart> {
  const bytes = await fetch(url);
  if (bytes === undefined) throw releaseError('CHART_NOT_FOUND', artifactGone, { next: 'wait for the next artifact' });
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (digest.startsWith('sha256:') && found !== digest) {
    throw releaseError(
      'CHART_NOT_FOUND',
      `failed to verify artifact: computed checksum '${found}' doesn't match '${digest}'`,
      {
        next: 'look at the source object',
      },
    );
  }
  return loadChart(bytes);
}

/** The version of a chart whose revision is a digest carries the digest, so that a moved tag is a change. */
function withRevision(chart: Chart, source: AnyObject, { revision }: Artifact): LoadedChart {
  const hasDigest = source.kind === 'OCIRepository' || (source.kind === 'ExternalArtifact' && revision.includes(':'));
  if (!hasDigest) return { chart, ociDigest: '' };
  const { version } = chart.metadata;
  const parts = revision.split('@');
  const tag = (parts[0] ?? '').replaceAll('_', '+');
  const isVersionTag = isVersion(revision.includes('@') ? tag : revision);
  if (isVersionTag && (parts.length !== 2 || !sameVersion(tag, version))) {
    throw mutation(`artifact revision ${parts[0]} does not match chart version ${version}`);
  }
  const ociDigest = isVersionTag ? (parts[1] ?? '') : revision;
  const pair = ociDigest.split(':');
  const hash = pair[1] ?? '';
  if (pair.length !== 2 || hash.length < 12) throw mutation(`invalid artifact revision ${ociDigest}`);
  const metadata = { ...chart.metadata, version: withBuild(version, hash.slice(0, 12)) };
  return { chart: { ...chart, metadata }, ociDigest };
}

/** Its code tells the condition's reason. */
function mutation(message: string): Error {
  return releaseError('CHART_SOURCE_INVALID', message, { next: 'correct the source object' });
}
