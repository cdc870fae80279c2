/** HelmRepositories and HelmCharts: an index, and one chart of it or of another source. */

import { createHash } from 'node:crypto';
import { fromYaml, loadChart, packageChart, type ChartFiles } from '@towpath/charts';
import { isRecord, messageOf, TowpathError } from '@towpath/kit';
import { dockerLogin } from '@towpath/registry';
import {
  createPull,
  fetchIndexText,
  httpGet,
  parseIndex,
  pullFromRegistry,
  pullFromRepository,
  withDependencies,
  type HttpOptions,
} from '@towpath/releases';
import { readArchive } from './archive.ts';
import { refuse, secretOf, type Find, type Found, type SourceDeps } from './deps.ts';
import { SourceFailure } from './errors.ts';
import {
  Buckets,
  GitRepositories,
  HelmRepositories,
  type Artifact,
  type HelmChart,
  type HelmRepository,
  type Source,
} from './kinds.ts';

const unsupported = ['provider', 'certSecretRef', 'accessFrom', 'verify'];

export const findHelmRepository: Find<HelmRepository> = async (object, deps, signal) => {
  const { spec } = object;
  refuse(spec, unsupported);
  const text = await indexText(object, deps, signal);
  const digest = createHash('sha256').update(text).digest('hex');
  const revision = `sha256:${digest}`;
  return {
    revision,
    fileName: `index-${digest}.yaml`,
    inputs: {},
    news: `new index revision '${revision}'`,
    stored: { reason: 'Succeeded', message: `stored artifact: revision '${revision}'` },
    event: ({ size }) => ({
      reason: 'NewArtifact',
      message: `stored fetched index of size ${humanSize(size)} from '${spec.url}'`,
    }),
    bytes: () => Promise.resolve(Buffer.from(text)),
  };
};

async function indexText(object: HelmRepository, deps: SourceDeps, signal: AbortSignal): Promise<string> {
  const { url } = object.spec;
  if (!/^https?:\/\//.test(url)) {
    throw new SourceFailure(
      'URLInvalid',
      `failed to construct Helm client: scheme "${url.split(':')[0] ?? ''}" not supported`,
      {
        isStalled: true,
      },
    );
  }
  const http = await httpOptions(object, deps, signal);
  try {
    const text = await fetchIndexText(httpGet, { url: deps.hostUrl(url), http });
    // What is no index is refused before others get it.
    parseIndex(text, url);
    return text;
  } catch (error) {
    const because = `failed to cache index to temporary file: ${messageOf(error)}`;
    throw new SourceFailure('Failed', `failed to fetch Helm repository index: ${because}`, { cause: error });
  }
}

async function httpOptions(object: HelmRepository, deps: SourceDeps, signal: AbortSignal): Promise<HttpOptions> {
  const { secretRef, passCredentials } = object.spec;
  if (secretRef === undefined) return { signal };
  const { username, password } = await secretOf(object, secretRef.name, deps.client, 'authentication secret');
  return { signal, username, password, ...(passCredentials === true && { passCredentials }) };
}

/** As Go's units.HumanSize: four digits, decimal units. */
function humanSize(bytes: number): string {
  const names = ['B', 'kB', 'MB', 'GB'];
  let [value, power] = [bytes, 0];
  while (value >= 1000 && power < names.length - 1) [value, power] = [value / 1000, power + 1];
  return `${Number(value.toPrecision(4))}${names[power]}`;
}

export const findHelmChart: Find<HelmChart> = async (object, deps, signal) => {
  const { spec, metadata } = object;
  refuse(spec, ['verify']);
  const key = { namespace: metadata.namespace ?? '', name: spec.sourceRef.name };
  switch (spec.sourceRef.kind) {
    case 'HelmRepository': {
      const repository = await deps.client.get(HelmRepositories, key);
      if (repository === undefined) throw noSource(object);
      return fromRepository(object, repository, deps, signal);
    }
    case 'GitRepository': {
      const source = await deps.client.get(GitRepositories, key);
      if (source === undefined) throw noSource(object);
      return fromFolder(object, source, deps, signal);
    }
    case 'Bucket': {
      const source = await deps.client.get(Buckets, key);
      if (source === undefined) throw noSource(object);
      return fromFolder(object, source, deps, signal);
    }
    default:
      throw new SourceFailure('UnsupportedSourceKind', `unsupported source kind '${spec.sourceRef.kind}'`, {
        isStalled: true,
      });
  }
};

function noSource({ spec }: HelmChart): SourceFailure {
  const { kind, name } = spec.sourceRef;
  const message = `failed to get source: ${kind}.source.toolkit.fluxcd.io "${name}" not found`;
  return new SourceFailure('SourceUnavailable', message);
}

interface Pulled {
  readonly name: string;
  readonly version: string;
  readonly data: Uint8Array;
}

async function fromRepository(
  object: HelmChart,
  repository: HelmRepository,
  deps: SourceDeps,
  signal: AbortSignal,
): Promise<Found> {
  const { spec } = object;
  const isOci = repository.spec.type === 'oci' || repository.spec.url.startsWith('oci://');
  const pulled = isOci
    ? await pullOci(object, repository, deps)
    : await pullHttp(object, repository, { deps, artifact: sourceArtifact(repository, object), signal });
  const sourceRevision = repository.status?.artifact?.revision;
  if ((spec.valuesFiles ?? []).length === 0) {
    const bytes = (): Promise<Uint8Array> => Promise.resolve(pulled.data);
    return chartFound(object, pulled, { reason: 'ChartPullSucceeded', verb: 'pulled', sourceRevision, bytes });
  }
  const version = withMetadata(pulled.version, object, '');
  const files = await unpackChart(pulled.data);
  const values = withValues(files, files, object);
  const bytes = (): Promise<Uint8Array> => pack(values.files, version);
  const made = { reason: 'ChartPackageSucceeded', verb: 'packaged', sourceRevision, used: values.used, bytes };
  return chartFound(object, { name: pulled.name, version }, made);
}

/** Throws, as Flux waits, while the source has nothing yet. */
function sourceArtifact(source: Source, { spec }: HelmChart): Artifact {
  const artifact = source.status?.artifact;
  if (artifact !== undefined) return artifact;
  const { kind, name } = spec.sourceRef;
  const message = `no artifact available for ${kind} source '${name}'`;
  throw new SourceFailure('NoSourceArtifact', message, { isWaiting: true });
}

async function pullHttp(
  { spec }: HelmChart,
  repository: HelmRepository,
  { deps, artifact, signal }: { deps: SourceDeps; artifact: Artifact; signal: AbortSignal },
): Promise<Pulled> {
  const http = await httpOptions(repository, deps, signal);
  const { url } = repository.spec;
  try {
    const index = parseIndex((await deps.storage.read(artifact)).toString('utf8'), url);
    const wanted = { index, name: spec.chart, version: spec.version === '*' ? '' : (spec.version ?? '') };
    const { entry, data } = await pullFromRepository(httpGet, { url: deps.hostUrl(url), http }, wanted);
    return { name: entry.name, version: entry.version, data };
  } catch (error) {
    throw unavailable(spec, artifact, error);
  }
}

async function pullOci({ spec }: HelmChart, repository: HelmRepository, deps: SourceDeps): Promise<Pulled> {
  const address = `${repository.spec.url.replace(/\/+$/, '')}/${spec.chart}`;
  const { secretRef, insecure } = repository.spec;
  const host = address.slice('oci://'.length).split('/')[0] ?? '';
  const login =
    secretRef === undefined ? undefined : dockerLogin(await secretOf(repository, secretRef.name, deps.client), host);
  try {
    const wanted = spec.version === '*' ? '' : (spec.version ?? '');
    const found = await pullFromRegistry(address, wanted, { credentials: login, plainHttp: insecure === true });
    return { name: spec.chart, version: found.version, data: found.data };
  } catch (error) {
    const because = isAbsent(error)
      ? `could not locate a version matching provided version string ${spec.version ?? '*'}`
      : messageOf(error);
    const message = `chart pull error: failed to get chart version for remote reference: ${because}`;
    throw new SourceFailure('ChartPullError', message, { cause: error });
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof TowpathError && error.code === 'CHART_NOT_FOUND';
}

/** What the index does not have stays so until the index or the chart's spec changes. */
function unavailable({ chart, version = '*' }: HelmChart['spec'], artifact: Artifact, error: unknown): SourceFailure {
  const text = messageOf(error);
  if (!isAbsent(error)) {
    const message = `chart pull error: failed to download chart for remote reference: ${text}`;
    return new SourceFailure('ChartPullError', message, { cause: error });
  }
  const because = text.startsWith('no chart name found')
    ? 'no chart name found'
    : `no '${chart}' chart with version matching '${version}' found`;
  const observed = { observedSourceArtifactRevision: artifact.revision };
  const message = `invalid chart reference: failed to get chart version for remote reference: ${because}`;
  return new SourceFailure('InvalidChartReference', message, { cause: error, isStalled: true, observed });
}

/** A chart's folder in the archive of a source. */
async function fromFolder(object: HelmChart, source: Source, deps: SourceDeps, signal: AbortSignal): Promise<Found> {
  const { spec } = object;
  const artifact = sourceArtifact(source, object);
  const folder = spec.chart.replace(/^(\.?\/)+|\/+$/g, '');
  const prefix = folder === '' || folder === '.' ? '' : `${folder}/`;
  const all = await readArchive(await deps.storage.read(artifact));
  const files: ChartFiles = new Map(
    [...all].flatMap(([path, bytes]) => (path.startsWith(prefix) ? [[path.slice(prefix.length), bytes] as const] : [])),
  );
  try {
    const { name, version: written } = chartMetadata(files, spec.chart, artifact);
    const revision = spec.reconcileStrategy === 'Revision' ? revisionSuffix(artifact.revision) : '';
    const version = withMetadata(written, object, revision);
    const values = withValues(files, all, object);
    const pull = createPull({ hostUrl: deps.hostUrl, signal });
    const bytes = async (): Promise<Uint8Array> => pack(await withDependencies(values.files, pull), version);
    return chartFound(
      object,
      { name, version },
      {
        reason: 'ChartPackageSucceeded',
        verb: 'packaged',
        sourceRevision: artifact.revision,
        used: values.used,
        bytes,
      },
    );
  } catch (error) {
    if (error instanceof SourceFailure) throw error;
    throw new SourceFailure('ChartPackageFailed', messageOf(error), { condition: 'BuildFailed', cause: error });
  }
}

function chartMetadata(files: ChartFiles, chart: string, { revision }: Artifact): { name: string; version: string } {
  const bytes = files.get('Chart.yaml');
  const parsed =
    bytes === undefined ? undefined : fromYaml(Buffer.from(bytes).toString('utf8'), { file: 'Chart.yaml' });
  if (isRecord(parsed)) return { name: String(parsed['name']), version: String(parsed['version']) };
  const message = `invalid chart reference: stat ${chart}: no such file or directory`;
  const observed = { observedSourceArtifactRevision: revision };
  throw new SourceFailure('InvalidChartReference', message, { isStalled: true, observed });
}

/** The short commit, or twelve digits of a digest. */
function revisionSuffix(revision: string): string {
  return (/sha\d+:([0-9a-f]+)$/.exec(revision)?.[1] ?? revision).slice(0, 12);
}

/** Build metadata of the version by which those who watch see that the chart is another one. */
function withMetadata(version: string, { spec, metadata }: HelmChart, revision: string): string {
  const hasValues = (spec.valuesFiles ?? []).length > 0;
  const parts = [revision, hasValues ? String(metadata.generation ?? 0) : ''].filter((part) => part !== '');
  return parts.length === 0 ? version : `${version.split('+')[0] ?? ''}+${parts.join('.')}`;
}

async function unpackChart(data: Uint8Array): Promise<ChartFiles> {
  const all = await readArchive(data);
  return new Map([...all].map(([path, bytes]) => [path.slice(path.indexOf('/') + 1), bytes] as const));
}

async function pack(files: ChartFiles, version: string): Promise<Uint8Array> {
  return (await packageChart(await loadChart(files), { version })).data;
}

interface WithValues {
  readonly files: ChartFiles;
  /** Names of the files that are there. */
  readonly used: readonly string[];
}

/** `values.yaml` made of the named files, later ones over earlier ones. */
function withValues(files: ChartFiles, from: ReadonlyMap<string, Uint8Array>, { spec }: HelmChart): WithValues {
  const { valuesFiles = [], ignoreMissingValuesFiles } = spec;
  if (valuesFiles.length === 0) return { files, used: [] };
  let values: unknown = {};
  const used: string[] = [];
  for (const name of valuesFiles) {
    const clean = name.replace(/^(\.?\/)+/, '');
    const bytes = from.get(clean) ?? files.get(clean);
    if (bytes === undefined) {
      if (ignoreMissingValuesFiles === true) continue;
      const because = `failed to merge chart values: no values file found at path '${name}'`;
      throw new SourceFailure('ValuesFilesError', `values files merge error: ${because}`, {
        condition: 'BuildFailed',
        isStalled: true,
      });
    }
    used.push(name);
    values = merged(values, fromYaml(Buffer.from(bytes).toString('utf8'), { file: name }));
  }
  const text = Buffer.from(`${JSON.stringify(values, undefined, 2)}\n`);
  return { files: new Map([...files, ['values.yaml', text] as const]), used };
}

function merged(under: unknown, over: unknown): unknown {
  if (!isRecord(under) || !isRecord(over)) return over ?? under;
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) result[key] = merged(result[key], value);
  return result;
}

function chartFound(
  { spec }: HelmChart,
  { name, version }: { readonly name: string; readonly version: string },
  made: {
    readonly reason: string;
    readonly verb: string;
    readonly sourceRevision: string | undefined;
    readonly used?: readonly string[];
    readonly bytes: () => Promise<Uint8Array>;
  },
): Found {
  const { used = [] } = made;
  const mergedFiles = used.length === 0 ? '' : ` and merged values files [${used.join(' ')}]`;
  const message = `${made.verb} '${name}' chart with version '${version}'${mergedFiles}`;
  return {
    revision: version,
    fileName: `${name}-${version}.tgz`,
    inputs: {
      observedChartName: name,
      observedValuesFiles: spec.ignoreMissingValuesFiles === true && used.length > 0 ? used : undefined,
      ...(spec.sourceRef.kind !== 'HelmRepository' && { observedSourceArtifactRevision: made.sourceRevision }),
    },
    news: `new '${name}' chart with version '${version}'`,
    stored: { reason: made.reason, message },
    event: () => ({ reason: made.reason, message }),
    status: { observedSourceArtifactRevision: made.sourceRevision },
    bytes: made.bytes,
  };
}
