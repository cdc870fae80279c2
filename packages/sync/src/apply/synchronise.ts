/** One synchronisation: reads the manifests of a commit, applies them in order, collects what is gone. */

import type { AnyObject, ResourceType } from '@towpath/api';
import { goDurationText, messageOf, TowpathError, type Clock } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import { type FluxLog } from '../flux-log.ts';
import { parseManifests, type Problem } from '../manifests/documents.ts';
import { ignorePolicy, placeManifests, type KindLookup, type Resource } from '../manifests/resources.ts';
import { checksumAnnotation, gcMark, gcMarkLabel } from '../marks.ts';
import { applyObject, kubectlName } from './apply.ts';
import { prune } from './prune.ts';

export interface SynchroniseOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logLine: FluxLog;
  /** Path → text. */
  readonly files: ReadonlyMap<string, string>;
  readonly setName: string;
  readonly defaultNamespace: string;
  readonly garbageCollection: 'off' | 'dry-run' | 'on';
  readonly signal: AbortSignal;
}

export interface SynchroniseOutcome {
  /** How many objects Git declares. */
  readonly resources: number;
  /** Files that cannot be read: they stay as they are until somebody corrects them. */
  readonly fileProblems: readonly Problem[];
  /** Objects the server refused: worth another try soon. */
  readonly applyProblems: readonly Problem[];
}

/** How long a custom kind may take until it is served after its definition was applied. */
const kindWaitMs = 5_000;
const kindPollMs = 100;

/** Throws only when nothing can be done at all: a duplicate, or an API that does not answer. */
export async function synchronise(options: SynchroniseOptions): Promise<SynchroniseOutcome> {
  const { client, logLine } = options;
  const { manifests, problems } = parseManifests(options.files);
  for (const { source, message } of problems)
    logLine('files.go:65', { warning: 'manifest not read', source, err: message });
  const lookup: KindLookup = (target) => client.resourceFor(target);
  const resources = await placeManifests(manifests, { lookup, defaultNamespace: options.defaultNamespace });
  const applyProblems = await applyAll(options, resources);
  if (options.garbageCollection !== 'off') applyProblems.push(...(await collect(options, resources, problems)));
  return { resources: resources.length, fileProblems: problems, applyProblems };
}

async function applyAll(options: SynchroniseOptions, resources: readonly Resource[]): Promise<Problem[]> {
  const { clock, logLine } = options;
  const startedAtMs = clock.monotonicMs();
  const output: string[] = [];
  const problems: Problem[] = [];
  for (const resource of resources) {
    options.signal.throwIfAborted();
    try {
      const line = await applyOne(options, resource);
      if (line !== undefined) output.push(line);
    } catch (error) {
      problems.push({ source: resource.source, resource: resource.id, message: messageOf(error) });
    }
  }
  const took = goDurationText(clock.monotonicMs() - startedAtMs);
  const err = problems.length === 0 ? null : problems.map(({ message }) => message).join('\n');
  const isNews = output.length + problems.length > 0;
  if (isNews)
    logLine('sync.go:540', { method: 'Sync', cmd: 'kubectl apply -f -', took, err, output: output.join('\n') });
  for (const { resource, source, message } of problems) {
    logLine('sync.go:167', { component: 'daemon', warning: 'resource not applied', resource, source, err: message });
  }
  return problems;
}

/** The line kubectl would print, or undefined when the object is to be left alone. */
async function applyOne(options: SynchroniseOptions, resource: Resource): Promise<string | undefined> {
  const { client, logLine } = options;
  const { id, source, object } = resource;
  if (resource.ignore === 'yes') {
    logLine('sync.go:73', {
      method: 'Sync',
      info: 'not applying resource; ignore annotation in file',
      resource: id,
      source,
    });
    return undefined;
  }
  const type = await servedKind(options, object);
  const { namespace, name } = object.metadata;
  const live = await client.get(type, { name, ...(namespace !== undefined && { namespace }) });
  if (live !== undefined && ignorePolicy(live as AnyObject) === 'yes') {
    const info = 'not applying resource; ignore annotation in cluster resource';
    logLine('sync.go:80', { method: 'Sync', info, resource: id });
    return undefined;
  }
  const verb = await applyObject(client, type, withMarks(options.setName, resource));
  return `${kubectlName(type, name)} ${verb}`;
}

/** The kind as the server knows it; a definition applied a moment ago gets a moment. Throws `SYNC_KIND_UNKNOWN`. */
async function servedKind(options: SynchroniseOptions, object: AnyObject): Promise<ResourceType> {
  const { client, clock, files } = options;
  const { apiVersion, kind } = object;
  const isDeclaredHere = [...files.values()].some(
    (text) => text.includes('CustomResourceDefinition') && text.includes(kind),
  );
  const untilMs = clock.monotonicMs() + (isDeclaredHere ? kindWaitMs : 0);
  for (;;) {
    const type = await client.resourceFor(object);
    if (type !== undefined) return type;
    if (clock.monotonicMs() >= untilMs) break;
    await clock.sleep(kindPollMs, options.signal);
  }
  throw new TowpathError('SYNC_KIND_UNKNOWN', `no matches for kind "${kind}" in version "${apiVersion}"`, {
    next: 'apply its CustomResourceDefinition first; it is tried again',
  });
}

function withMarks(setName: string, resource: Resource): AnyObject {
  const { object } = resource;
  const labels = { ...object.metadata.labels, [gcMarkLabel]: gcMark(setName, resource.id) };
  const annotations = { ...object.metadata.annotations, [checksumAnnotation]: resource.checksum };
  return { ...object, metadata: { ...object.metadata, labels, annotations } };
}

/** A file that cannot be read may declare anything, so nothing is deleted until it can. */
async function collect(
  options: SynchroniseOptions,
  resources: readonly Resource[],
  fileProblems: readonly Problem[],
): Promise<Problem[]> {
  const { client, setName, logLine } = options;
  if (fileProblems.length > 0) {
    const because = fileProblems.map(({ source }) => source).join(', ');
    logLine('sync.go:140', {
      method: 'Sync',
      warning: 'garbage collection skipped: not every manifest was read',
      files: because,
    });
    return [];
  }
  const declared = new Set(resources.map(({ id }) => id));
  const dryRun = options.garbageCollection === 'dry-run';
  const failures = await prune({ client, setName, declared, dryRun, logLine });
  return failures.map(({ resource, message }) => ({ source: 'cluster', resource, message }));
}
