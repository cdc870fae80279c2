/** One revision of a source: fetched, built, applied, pruned, and waited for. */

import { createHash } from 'node:crypto';
import { ConfigMaps, isConditionTrue, Secrets, type AnyObject } from '@towpath/api';
import { goDurationText, messageOf, stringifyYaml, toTimestamp, TowpathError } from '@towpath/kit';
import { waitForObjects, type Client, type ObjectTarget } from '@towpath/runtime';
import { ApplyError, applyStaged, changeLines, deleteAll, type Change } from './apply.ts';
import { fetchArtifact } from './artifact.ts';
import { childPath, type FileSet } from './build/files.ts';
import { hasFolder } from './generate.ts';
import { addSnapshot, timeoutMsOf, type Artifact, type Source } from './kinds.ts';
import {
  apiVersionOfRef,
  inventoryEntry,
  normalised,
  ownerLabels,
  parseInventoryEntry,
  type InventoryEntry,
  type ObjectRef,
} from './objects.ts';
import { buildWith } from './program.ts';
import { NewerRevision, selfRemovingJobs, type Run } from './run.ts';
import { substituteObject } from './substitute.ts';

/** Fails with the reason of the Ready condition. */
class StepError extends Error {
  override readonly name = 'StepError';
  readonly reason: string;

  constructor(reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** `gone` when the artifact's file is not there any more. Throws with Ready set to False. */
export async function applyRevision(run: Run, source: Source): Promise<'applied' | 'gone'> {
  const { status } = run;
  const artifact = source.status?.artifact;
  if (artifact === undefined) return 'gone';
  try {
    const work = await run.deps.limit(() => buildAndApply(run, artifact));
    if (work === undefined) return 'gone';
    await checkHealth(run, work);
    succeed(run, work);
    return 'applied';
  } catch (error) {
    if (error instanceof StepError) status.ready('False', error.reason, error.message);
    throw error;
  }
}

interface Work {
  readonly artifact: Artifact;
  readonly objects: readonly AnyObject[];
  readonly changes: readonly Change[];
  readonly digest: string;
  readonly client: Client;
  readonly hasChanged: boolean;
}

async function buildAndApply(run: Run, artifact: Artifact): Promise<Work | undefined> {
  const { status, object } = run;
  const { revision } = artifact;
  const timeout = goDurationText(timeoutMsOf(object));
  const step = async (what: string): Promise<void> => {
    status.reconciling(`${what} for revision ${revision} with a timeout of ${timeout}`);
    await status.write();
  };
  status.ready('Unknown', 'Progressing', 'Reconciliation in progress');
  await step('Fetching manifests');
  const files = await fetchFiles(run, artifact);
  if (files === undefined) return undefined;
  status.status.lastAttemptedRevision = revision;
  await step('Building manifests');
  const client = clientOf(run);
  const objects = await build(run, files);
  const digest = digestOf(objects);
  await step('Detecting drift');
  try {
    const changes = await apply(run, { objects, revision, client });
    await prune(run, { changes, revision, client });
    const hasChanged = changes.some(({ action }) => action === 'created' || action === 'configured');
    return { artifact, objects, changes, digest, client, hasChanged };
  } catch (error) {
    if (error instanceof StepError) record(run, { artifact, digest }, error.reason);
    throw error;
  }
}

async function fetchFiles(run: Run, artifact: Artifact): Promise<FileSet | undefined> {
  const { deps, object, signal } = run;
  try {
    const files = await fetchArtifact(artifact, deps.fetchBytes, signal);
    const path = object.spec.path ?? '';
    if (files === undefined || hasFolder(files, childPath('', path === '' ? '.' : path))) return files;
    throw new TowpathError(
      'SYNC_PATH_MISSING',
      `kustomization path not found: ${path} is not in ${artifact.revision}`,
      {
        next: 'correct spec.path, or add the folder',
      },
    );
  } catch (error) {
    throw new StepError('ArtifactFailed', messageOf(error), error);
  }
}

function clientOf({ deps, object }: Run): Client {
  const account = object.spec.serviceAccountName ?? deps.options.defaultServiceAccount;
  return account === '' ? deps.client : deps.clientAs(object.metadata.namespace ?? 'default', account);
}

async function build(run: Run, files: FileSet): Promise<AnyObject[]> {
  const { spec } = run.object;
  try {
    const built = await kustomize(run, files);
    const variables = await loadVariables(run);
    const isAlways = spec.postBuild?.substituteStrategy === 'Always';
    const isSubstituted = spec.postBuild !== undefined && (variables.size > 0 || isAlways);
    return isSubstituted ? built.map((object) => substituteObject(object, variables)) : built;
  } catch (error) {
    throw new StepError('BuildFailed', messageOf(error), error);
  }
}

async function kustomize({ deps, object, signal }: Run, files: FileSet): Promise<AnyObject[]> {
  const { spec } = object;
  try {
    const { program, scratchDir } = deps.kustomize;
    return await buildWith({ files, path: spec.path ?? '', spec }, { program, scratchDir, signal });
  } catch (error) {
    throw new Error(`kustomize build failed: ${messageOf(error)}`, { cause: error });
  }
}

/** Those of ConfigMaps and Secrets in their order, then those of the spec; lines are joined. */
async function loadVariables({ object, deps }: Run): Promise<ReadonlyMap<string, string>> {
  const { substituteFrom = [], substitute = {} } = object.spec.postBuild ?? {};
  const variables = new Map<string, string>();
  const add = (values: Readonly<Record<string, string>>): void => {
    for (const [name, value] of Object.entries(values)) variables.set(name, value.replaceAll('\n', ''));
  };
  const { namespace } = object.metadata;
  for (const { kind, name, optional = false } of substituteFrom) {
    const key = { name, ...(namespace !== undefined && { namespace }) };
    const isSecret = kind === 'Secret';
    const values = isSecret ? await secretData(deps.client, key) : (await deps.client.get(ConfigMaps, key))?.data;
    const found =
      values ?? ((await deps.client.get(isSecret ? Secrets : ConfigMaps, key)) === undefined ? undefined : {});
    if (found === undefined && !optional) {
      const plural = isSecret ? 'secrets' : 'configmaps';
      throw new Error(`substitute from '${kind}/${name}' error: ${plural} "${name}" not found`);
    }
    add(found ?? {});
  }
  add(substitute);
  return variables;
}

async function secretData(
  client: Client,
  key: { name: string; namespace?: string },
): Promise<Record<string, string> | undefined> {
  const secret = await client.get(Secrets, key);
  if (secret === undefined) return undefined;
  const entries = Object.entries(secret.data ?? {});
  return Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]));
}

/** Of the built objects: tells runs of the same manifests from others. */
function digestOf(objects: readonly AnyObject[]): string {
  const text = objects.map((object) => stringifyYaml(object)).join('---\n');
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

interface Applying {
  readonly objects: readonly AnyObject[];
  readonly revision: string;
  readonly client: Client;
}

async function apply(run: Run, { objects, revision, client }: Applying): Promise<readonly Change[]> {
  const { object, deps, signal, log } = run;
  const wanted = objects.filter(({ apiVersion }) => !apiVersion.startsWith('kustomize.config.k8s.io/'));
  const encrypted = wanted.find((one) => one.kind === 'Secret' && one['sops'] !== undefined);
  if (encrypted !== undefined) {
    const { namespace = '', name } = encrypted.metadata;
    const what = `Secret/${namespace}/${name} is SOPS encrypted`;
    throw new StepError(
      'ReconciliationFailed',
      `${what}, which Towpath does not decrypt; use sealed or external secrets`,
    );
  }
  const prepared = wanted.map((one) => labelled(run, normalised(one)));
  const force = object.spec.force === true;
  let changes: readonly Change[] = [];
  try {
    changes = await applyStaged(prepared, { client, clock: deps.clock, signal, force });
  } catch (error) {
    if (!(error instanceof ApplyError)) throw error;
    const lines = changeLines(error.changes.filter(isChange));
    throw new StepError('ReconciliationFailed', `${error.message}\n${lines}${lines === '' ? '' : '\n'}`, error);
  }
  const lines = changeLines(changes.filter(isChange));
  if (changes.length > 0) {
    const output = Object.fromEntries(changes.map((change) => [changeLines([change]).split(' ')[0], change.action]));
    log.info('server-side apply completed', { output, revision });
  }
  if (lines !== '') run.event('info', lines, { revision });
  return changes;
}

function isChange({ action }: Change): boolean {
  return action === 'created' || action === 'configured';
}

/** With the labels that say whose it is, then what the spec adds to all. */
function labelled({ object }: Run, one: AnyObject): AnyObject {
  const { labels, annotations } = object.spec.commonMetadata ?? {};
  const all = { ...one.metadata.annotations, ...annotations };
  const metadata = {
    ...one.metadata,
    labels: { ...one.metadata.labels, ...ownerLabels(object.metadata), ...labels },
    ...(Object.keys(all).length > 0 && { annotations: all }),
  };
  return { ...one, metadata };
}

interface Pruning {
  readonly changes: readonly Change[];
  readonly revision: string;
  readonly client: Client;
}

/** Deletes what the last inventory has and this one has not; what could not be deleted stays in the inventory. */
async function prune(run: Run, { changes, revision, client }: Pruning): Promise<void> {
  const { status, object, log } = run;
  const before = status.status.inventory?.entries ?? [];
  const entries: InventoryEntry[] = changes.map(({ ref }) => inventoryEntry(ref));
  status.status.inventory = { entries };
  const known = new Set(entries.map(({ id }) => id));
  const stale = before.filter(({ id }) => !known.has(id)).flatMap((entry) => parseInventoryEntry(entry) ?? []);
  if (!object.spec.prune || stale.length === 0) return;
  const { changes: deleted, failures } = await deleteAll(stale, { client, owner: ownerLabels(object.metadata) });
  if (failures.length > 0) {
    entries.push(...failures.map(({ ref }) => inventoryEntry(ref)));
    const texts = failures.map(({ message }) => `${message};`).join('');
    throw new StepError('PruneFailed', `delete failed, errors: ${texts}`);
  }
  log.info(`garbage collection completed: ${changeLines(deleted)}`);
  run.event('info', changeLines(deleted), { revision });
}

async function checkHealth(run: Run, work: Work): Promise<void> {
  const { status, object, deps } = run;
  const targets = targetsOf(run, work.changes);
  if (targets.length === 0) {
    status.remove('Healthy');
    return;
  }
  const { revision } = work.artifact;
  const timeoutMs = timeoutMsOf(object);
  const wasHealthy = isConditionTrue(status.status.conditions, 'Healthy');
  const message = `Running health checks for revision ${revision} with a timeout of ${goDurationText(timeoutMs)}`;
  status.reconciling(message);
  status.set({ type: 'Healthy', status: 'Unknown', reason: 'Progressing', message });
  await status.write();
  const { clock } = deps;
  const startedAtMs = clock.monotonicMs();
  const key = { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
  const signal = AbortSignal.any([run.signal, deps.waitSignal(key)]);
  const selfRemoving = selfRemovingJobs(work.objects);
  const outcome = await waitForObjects({ client: work.client, clock, targets, timeoutMs, signal, selfRemoving }).catch(
    (error: unknown) => {
      throw signal.reason instanceof NewerRevision ? signal.reason : error;
    },
  );
  const took = goDurationText(clock.monotonicMs() - startedAtMs);
  if (outcome.type !== 'reached') {
    status.set({ type: 'Healthy', status: 'False', reason: 'HealthCheckFailed', message: outcome.message });
    record(run, work, 'HealthCheckFailed');
    throw new StepError('HealthCheckFailed', `health check failed after ${took}: ${outcome.message}`);
  }
  const passed = `Health check passed in ${took}`;
  const isNews = revision !== status.status.lastAppliedRevision && work.hasChanged;
  if (!wasHealthy || isNews) run.event('info', passed, { revision });
  status.set({ type: 'Healthy', status: 'True', reason: 'Succeeded', message: passed });
  await status.write();
}

/** Everything applied with `wait`, else what `healthChecks` names; never the object itself. */
function targetsOf({ object }: Run, changes: readonly Change[]): ObjectTarget[] {
  const { wait, healthChecks = [] } = object.spec;
  const all: ObjectTarget[] =
    wait === true
      ? changes.filter(({ action }) => action !== 'skipped').map(({ ref }) => targetOf(ref))
      : healthChecks.map(({ apiVersion, kind, name, namespace }) => {
          const version = apiVersion === undefined || apiVersion === '' ? 'apps/v1' : apiVersion;
          return { apiVersion: version, kind, name, ...(namespace !== undefined && { namespace }) };
        });
  const { name, namespace } = object.metadata;
  return all.filter((one) => !(one.kind === 'Kustomization' && one.name === name && one.namespace === namespace));
}

function targetOf(ref: ObjectRef): ObjectTarget {
  const { kind, name, namespace } = ref;
  return { apiVersion: apiVersionOfRef(ref), kind, name, ...(namespace !== '' && { namespace }) };
}

function succeed(run: Run, work: Work): void {
  const { status } = run;
  const { revision, metadata } = work.artifact;
  const origin = metadata?.['org.opencontainers.image.revision'];
  status.status.lastAppliedRevision = revision;
  if (origin === undefined) delete status.status.lastAppliedOriginRevision;
  else status.status.lastAppliedOriginRevision = origin;
  status.ready('True', 'ReconciliationSucceeded', `Applied revision: ${revision}`);
  record(run, work, 'ReconciliationSucceeded');
}

function record(run: Run, { artifact, digest }: Pick<Work, 'artifact' | 'digest'>, outcome: string): void {
  const { clock } = run.deps;
  const origin = artifact.metadata?.['org.opencontainers.image.revision'];
  run.status.status.history = addSnapshot(run.status.status.history, {
    digest,
    lastReconciled: toTimestamp(clock.nowMs()),
    lastReconciledDuration: goDurationText(clock.monotonicMs() - run.startedAtMs),
    lastReconciledStatus: outcome,
    metadata: { revision: artifact.revision, ...(origin !== undefined && { originRevision: origin }) },
  });
}
