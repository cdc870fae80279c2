/** `towpath plan`: from two states of a repository to what a cluster would make of it. Reads and dry runs only. */

import { Canaries, Deployments, type AnyObject } from '@towpath/api';
import { jsonEqual, TowpathError, type Time } from '@towpath/kit';
import type { Canary } from '@towpath/rollouts';
import type { Client } from '@towpath/runtime';
import { compareDesired, type Change } from './compare.ts';
import {
  guessResource,
  identityOf,
  nameOf,
  readDesired,
  type Desired,
  type DesiredSet,
  type Files,
  type ReleaseInput,
} from './desired.ts';
import { flaggerMetricsServer, gatherFacts, type Query } from './facts.ts';
import { forecastCanaries, isCanary, type CanaryFacts } from './forecast.ts';
import { maskText } from './mask.ts';
import { rehearse } from './rehearse.ts';
import { renderRelease } from './render-release.ts';
import type { Compared, ObjectChange, PlanProblem, PlanReport, Rehearsal } from './report.ts';

export interface PlanState extends Compared {
  readonly files: Files;
}

export interface PlanInput {
  readonly base: PlanState;
  readonly head: PlanState;
  readonly paths: readonly string[];
  /** Where a running Flux 2 starts, in place of paths: its GitRepositories and Kustomizations of this repository. */
  readonly live?: readonly AnyObject[] | undefined;
  readonly isOwn: (url: string) => boolean;
  /** Read-only; absent without a cluster. */
  readonly client: Client | undefined;
  readonly query: Query | undefined;
  readonly time: Time;
}

/** Assumed when the cluster shows no Flagger. */
const usualMetricsServer = 'http://prometheus.istio-system:9090';
/** Dry runs under way at once. */
const rehearsalsAtOnce = 8;

/** Throws only when the API cannot be reached. */
export async function planChanges(input: PlanInput): Promise<PlanReport> {
  const { base, head, paths, client } = input;
  const options = {
    paths,
    live: input.live ?? [],
    isOwn: input.isOwn,
    lookup: async (target: { apiVersion: string; kind: string }) =>
      (await client?.resourceFor(target)) ?? guessResource(target),
  };
  const [before, after] = await Promise.all([readDesired(base.files, options), readDesired(head.files, options)]);
  const notes = [...after.notes];
  const rendered = await renderBoth(before, after, { input, notes });
  const changes = compareDesired([...before.plain, ...rendered.before], [...after.plain, ...rendered.after]);
  const rehearsals = await rehearseAll(changes, client);
  const objects = changes.map((change, index) => objectChange(change, rehearsals[index]));
  const problems = [...after.problems, ...rendered.problems, ...refusals(objects)];
  return {
    base: { revision: base.revision, because: base.because },
    head: { revision: head.revision, because: head.because },
    files: changedFiles(base.files, head.files, [...before.releases, ...after.releases], builtPaths(paths, after)),
    objects,
    canaries: await forecasts(changes, rendered.after, input),
    problems: problems.map(({ source, message }) => ({ source, message: maskText(message) })),
    notes,
  };
}

/** Bases lie outside of the folders that are built: with Kustomizations every file counts. */
function builtPaths(paths: readonly string[], { folders }: DesiredSet): readonly string[] {
  return folders.length > 0 ? [] : paths;
}

interface RenderedBoth {
  readonly before: Desired[];
  readonly after: Desired[];
  readonly problems: PlanProblem[];
}

/** Only releases whose object or chart differs, or whose values come from an object that does. */
async function renderBoth(
  before: DesiredSet,
  after: DesiredSet,
  { input, notes }: { input: PlanInput; notes: string[] },
): Promise<RenderedBoth> {
  const found: RenderedBoth = { before: [], after: [], problems: [] };
  const last = new Map(before.releases.map((release) => [release.id, release]));
  const ids = new Set(after.releases.map(({ id }) => id));
  for (const release of after.releases) {
    const was = last.get(release.id);
    if (was !== undefined && isSameRelease(was, release, { before, after })) continue;
    if (!isRenderable(release, notes)) continue;
    const next = await rendering(release, after, input);
    // A side that cannot be rendered is no reason to show everything as new or gone.
    if (next instanceof Error)
      found.problems.push({ source: release.declared.source, message: renderMessage(release, next) });
    else {
      found.after.push(...next);
      if (was !== undefined && was.chart !== undefined) await addBefore(was, { before, input, found, notes });
    }
  }
  for (const release of before.releases) {
    if (!ids.has(release.id) && isRenderable(release, notes)) await addBefore(release, { before, input, found, notes });
  }
  return found;
}

async function addBefore(
  release: ReleaseInput,
  { before, input, found, notes }: { before: DesiredSet; input: PlanInput; found: RenderedBoth; notes: string[] },
): Promise<void> {
  const last = await rendering(release, before, input);
  if (last instanceof Error)
    notes.push(
      `${release.id} could not be rendered before: ${maskText(last.message)}; all its objects are shown as new`,
    );
  else found.before.push(...last);
}

async function rendering(
  release: ReleaseInput,
  set: DesiredSet,
  { client, time }: PlanInput,
): Promise<Desired[] | Error> {
  try {
    return await renderRelease(release, { client, time, set });
  } catch (error) {
    if (error instanceof TowpathError) return error;
    throw error;
  }
}

function renderMessage({ id }: ReleaseInput, error: Error): string {
  const next = error instanceof TowpathError && error.next !== undefined ? `; ${error.next}` : '';
  return `HelmRelease ${id} cannot be rendered: ${error.message}${next}`;
}

function isRenderable({ id, spec, chart }: ReleaseInput, notes: string[]): boolean {
  if (chart !== undefined && chart.has('Chart.yaml')) return true;
  const { chart: source } = spec;
  const name =
    source.type === 'git' ? `${source.path} of ${source.url}` : `${source.name} ${source.version} of ${source.url}`;
  notes.push(
    chart === undefined
      ? `HelmRelease ${id}: its chart ${name} is not in this repository and was not rendered`
      : `HelmRelease ${id}: there is no chart at ${name}`,
  );
  return false;
}

function isSameRelease(was: ReleaseInput, is: ReleaseInput, sets: { before: DesiredSet; after: DesiredSet }): boolean {
  const spec = ({ declared }: ReleaseInput): unknown => declared.object['spec'];
  if (!jsonEqual(spec(was), spec(is)) || !sameFiles(was.chart, is.chart)) return false;
  return is.spec.valuesFrom.every((source) => {
    if (source.type !== 'configMap' && source.type !== 'secret') return true;
    const kind = source.type === 'secret' ? 'Secret' : 'ConfigMap';
    const namespace = source.namespace ?? is.declared.object.metadata.namespace;
    const find = ({ plain }: DesiredSet): AnyObject | undefined =>
      plain.find(({ object: { kind: found, metadata } }) => {
        return found === kind && metadata.name === source.name && metadata.namespace === namespace;
      })?.object;
    return jsonEqual(find(sets.before), find(sets.after));
  });
}

function sameFiles(left: Files | undefined, right: Files | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.size === right.size && [...left].every(([path, data]) => sameBytes(data, right.get(path)));
}

function sameBytes(left: Uint8Array, right: Uint8Array | undefined): boolean {
  return right !== undefined && Buffer.compare(left, right) === 0;
}

function changedFiles(base: Files, head: Files, releases: readonly ReleaseInput[], paths: readonly string[]): string[] {
  const folders = [...paths, ...releases.flatMap(({ spec: { chart } }) => (chart.type === 'git' ? [chart.path] : []))];
  const all = new Set([...base.keys(), ...head.keys()]);
  return [...all].filter((path) => {
    if (paths.length > 0 && !folders.some((folder) => path === folder || path.startsWith(`${folder}/`))) return false;
    const data = base.get(path);
    return data === undefined || !sameBytes(data, head.get(path));
  });
}

async function rehearseAll(changes: readonly Change[], client: Client | undefined): Promise<Rehearsal[]> {
  if (client === undefined)
    return changes.map(() => ({ outcome: 'not-asked', message: 'there is no cluster', alsoChanges: [] }));
  const created = changes.filter(({ action }) => action === 'create').map(({ after }) => after?.object);
  const creates = {
    namespaces: new Set(
      created.filter((object) => object?.kind === 'Namespace').map((object) => object?.metadata.name ?? ''),
    ),
    kinds: new Set(created.filter((object) => object?.kind === 'CustomResourceDefinition').map(kindOfCrd)),
  };
  const results: Rehearsal[] = [];
  for (let first = 0; first < changes.length; first += rehearsalsAtOnce) {
    const some = changes.slice(first, first + rehearsalsAtOnce);
    results.push(...(await Promise.all(some.map((change) => rehearse(change, { client, creates })))));
  }
  return results;
}

function kindOfCrd(crd: AnyObject | undefined): string {
  const names = (crd?.['spec'] as { names?: { kind?: string } } | undefined)?.names;
  return names?.kind ?? '';
}

function objectChange(change: Change, rehearsal: Rehearsal | undefined): ObjectChange {
  const side = change.after ?? change.before;
  const { apiVersion = '', kind = '', metadata } = side?.object ?? {};
  const { namespace, name = '' } = metadata ?? {};
  return {
    action: change.action,
    apiVersion,
    kind,
    ...(namespace !== undefined && { namespace }),
    name,
    source: side?.source ?? '',
    ...(side?.release !== undefined && { release: side.release }),
    isHook: side?.isHook === true,
    fields: change.fields,
    rehearsal: rehearsal ?? { outcome: 'not-asked', alsoChanges: [] },
  };
}

function refusals(objects: readonly ObjectChange[]): PlanProblem[] {
  return objects.flatMap(({ kind, namespace, name, source, rehearsal }) => {
    if (rehearsal.outcome !== 'refused') return [];
    const place = namespace === undefined ? { name } : { namespace, name };
    return [
      { source, message: `the cluster refuses ${nameOf({ kind, metadata: place })}: ${rehearsal.message ?? ''}` },
    ];
  });
}

async function forecasts(
  changes: readonly Change[],
  rendered: readonly Desired[],
  input: PlanInput,
): Promise<PlanReport['canaries']> {
  if (changes.length === 0) return [];
  const { client } = input;
  const [live, deployments] = await Promise.all([listed(client, Canaries), listed(client, Deployments)]);
  const gone = new Set(changes.filter(({ action }) => action === 'delete').map(({ before }) => identityText(before)));
  const own = rendered.map(({ object }) => object);
  const declared = changes.flatMap(({ after }) => (after === undefined ? [] : [after.object]));
  const workloads = unique([...own, ...declared, ...deployments]).filter((object) => !gone.has(identityOf(object)));
  const known = new Set(live.map(identityOf));
  const created = new Set(changes.filter(({ action }) => action === 'create').map(({ after }) => identityText(after)));
  const canaries = unique([...own, ...declared, ...live])
    .filter((object) => isCanary(object) && !gone.has(identityOf(object)))
    .map((object) => ({
      canary: object as unknown as Canary,
      isNew: created.has(identityOf(object)) && !known.has(identityOf(object)),
    }));
  const seen = client === undefined ? undefined : await flaggerMetricsServer(client);
  const metricsServer = seen ?? usualMetricsServer;
  const facts = new Map<Canary, CanaryFacts>();
  if (client !== undefined) {
    const touched = canaries.filter(
      ({ canary, isNew }) =>
        isNew || changes.some(({ after }) => after?.object.metadata.namespace === canary.metadata.namespace),
    );
    await Promise.all(
      touched.map(async ({ canary }) =>
        facts.set(canary, await gatherFacts(canary, { client, query: input.query, metricsServer })),
      ),
    );
  }
  return forecastCanaries({ changes, canaries, workloads, facts: (canary) => facts.get(canary) ?? {}, metricsServer });
}

function identityText(side: Desired | undefined): string {
  return side === undefined ? '' : identityOf(side.object);
}

function unique(objects: readonly AnyObject[]): AnyObject[] {
  return [...new Map(objects.toReversed().map((object) => [identityOf(object), object])).values()].toReversed();
}

async function listed(client: Client | undefined, type: Parameters<Client['list']>[0]): Promise<AnyObject[]> {
  if (client === undefined) return [];
  // A kind that is not served, or that the user may not list, is a smaller plan and no failure.
  return client.list(type).then(
    ({ items }) => items as AnyObject[],
    () => [],
  );
}

/** 1 when the commit cannot be applied, 3 when it changes something, 0 when it does not. */
export function exitCodeOf(report: PlanReport): 0 | 1 | 3 {
  if (report.problems.length > 0) return 1;
  return report.objects.length > 0 ? 3 : 0;
}
