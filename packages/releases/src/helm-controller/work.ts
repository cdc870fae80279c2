/** What one run over a HelmRelease has at hand once its chart and values are there. */

import type { Chart } from '@towpath/charts';
import { messageOf, type Clock, type Random } from '@towpath/kit';
import type { Client, Recorder } from '@towpath/runtime';
import { loadCapabilities, type Capabilities } from '../actions/capabilities.ts';
import type { ActionContext } from '../actions/context.ts';
import { helm4Words } from './words.ts';
import type { Renderer } from '../render-worker/renderer.ts';
import type { Release } from '../storage/release.ts';
import { createReleaseStorage, type ReleaseStorage } from '../storage/secrets.ts';
import { mark, type Draft } from './conditions.ts';
import { helmGroup, type Snapshot } from './helm-release.ts';
import { postRender } from './post-render.ts';
import { recordingStorage } from './recording-storage.ts';
import { releaseNamespace, shortenName, fullReleaseName, storageNamespace } from './settings.ts';
import type { ComposedValues } from './values.ts';
import { waiterFor } from './waiter.ts';

export interface ReleaseDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly renderer: Renderer | undefined;
  readonly recorder: Recorder;
}

/** Enough to uninstall. */
export interface BaseWork {
  readonly draft: Draft;
  /** Acts for the service account of the spec, where it names one. */
  readonly client: Client;
  readonly storage: ReleaseStorage;
  readonly deps: ReleaseDeps;
  /** Ends waiting when something newer is there. */
  readonly signal: AbortSignal;
}

export interface Work extends BaseWork {
  readonly chart: Chart;
  readonly values: ComposedValues;
}

/** The name under which Helm stores the release. */
export function releaseNameOf({ draft }: BaseWork): string {
  return shortenName(fullReleaseName(draft.object));
}

export function storageFor(draft: Draft, client: Client, clock: Clock): ReleaseStorage {
  const namespace = draft.status.storageNamespace ?? storageNamespace(draft.object);
  return createReleaseStorage({ client, clock, namespace });
}

const logLinesMax = 10;

/** The last lines an action said, as Flux appends them to the event of its failure. */
export class ActionLog {
  readonly #lines: string[] = [];

  add(nowMs: number, line: string): void {
    this.#lines.push(`${new Date(nowMs).toISOString()}: ${line.trim()}: {}`);
    if (this.#lines.length > logLinesMax) this.#lines.shift();
  }

  /** `message` and the lines. */
  after(message: string): string {
    return this.#lines.length === 0 ? message : `${message}\n\nLast Helm logs:\n\n${this.#lines.join('\n')}`;
  }
}

/** A context whose stored revisions are told to `seen`. */
export function contextOf(work: BaseWork, log: ActionLog, seen: (release: Release) => void): ActionContext {
  const { draft, client, deps, storage, signal } = work;
  return {
    client,
    clock: deps.clock,
    random: deps.random,
    namespace: releaseNamespace(draft.object),
    storage: recordingStorage(storage, seen),
    progress: (line) => log.add(deps.clock.nowMs(), line),
    signal,
    renderer: deps.renderer,
    capabilities: () => capabilitiesOf(client, deps.clock),
    postRender: (rendered) => postRender(rendered, draft.object),
    waiter: waiterFor(draft.object.spec.waitStrategy?.name),
  };
}

/** Releases that are made at once ask the same. */
const capabilitiesMs = 2000;
const known = new WeakMap<Client, { readonly atMs: number; readonly value: Promise<Capabilities> }>();

function capabilitiesOf(client: Client, clock: Clock): Promise<Capabilities> {
  const nowMs = clock.monotonicMs();
  const last = known.get(client);
  if (last !== undefined && nowMs - last.atMs < capabilitiesMs) return last.value;
  const value = loadCapabilities(client);
  known.set(client, { atMs: nowMs, value });
  value.catch(() => known.delete(client));
  return value;
}

/** After new kinds were installed. */
export function forgetCapabilities(client: Client): void {
  client.invalidate();
  known.delete(client);
}

interface EventAbout {
  readonly revision: string;
  readonly token: string;
  readonly appVersion?: string | undefined;
  readonly ociDigest?: string | undefined;
}

export function aboutSnapshot(snapshot: Snapshot): EventAbout {
  const { chartVersion, configDigest, appVersion, ociDigest } = snapshot;
  return { revision: chartVersion, token: configDigest, appVersion, ociDigest };
}

/** An event on the HelmRelease with Flux's annotations. */
export async function say(
  { draft, deps }: BaseWork,
  event: { type: 'Normal' | 'Warning'; reason: string; message: string; about?: EventAbout },
): Promise<void> {
  const { about, ...input } = event;
  const annotations = Object.fromEntries(
    Object.entries({
      [`${helmGroup}/revision`]: about?.revision,
      [`${helmGroup}/token`]: about?.token,
      [`${helmGroup}/app-version`]: about?.appVersion,
      [`${helmGroup}/oci-digest`]: about?.ociDigest,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
  await deps.recorder.event(draft.object, { ...input, ...(about !== undefined && { annotations }) });
}

/** Marks a condition and says the same in an event. */
export async function conclude(
  work: BaseWork,
  outcome: {
    condition: Parameters<typeof mark>[1];
    status: 'True' | 'False';
    type: 'Normal' | 'Warning';
    reason: string;
    message: string;
    /** The event's text where it says more. */
    detail?: string;
    about: EventAbout;
  },
): Promise<void> {
  const { condition, status, type, reason, message, detail, about } = outcome;
  mark(work.draft, condition, status, reason, message);
  await say(work, { type, reason, message: detail ?? message, about });
}

/** An error as Helm 4 and Flux word it. */
export function wordsOf(error: unknown, action: 'install' | 'upgrade' | 'other'): string {
  return helm4Words(messageOf(error), action).trim();
}
