/** What the reconcilers of the sources are given. */

import { Secrets, type KubeObject, type Secret } from '@towpath/api';
import type { Git } from '@towpath/git';
import type { Clock, Logger } from '@towpath/kit';
import type { Client, Recorder } from '@towpath/runtime';
import { SourceFailure } from './errors.ts';
import type { Artifact, Source } from './kinds.ts';
import type { Storage } from './storage.ts';

export interface SourceDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recorder: Recorder;
  readonly storage: Storage;
  readonly git: Git;
  /** A folder for mirrors of Git repositories. */
  readonly mirrorsDir: string;
  /** An in-cluster URL as this process can open it. */
  readonly hostUrl: (url: string) => string;
}

/** What a source turned out to be. */
export interface Found {
  /** Equal for equal content; with `inputs` it decides whether there is something new. */
  readonly revision: string;
  readonly fileName: string;
  /** What else the artifact is made with, as members of the status (`observedIgnore` …). */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Said while the artifact is made: `new upstream revision 'main@sha1:…'`. */
  readonly news: string;
  /** Of the condition when it is stored. */
  readonly stored: { readonly reason: string; readonly message: string };
  /** The event about it. */
  readonly event: (artifact: Artifact) => { readonly reason: string; readonly message: string };
  /** The event when there is nothing new, where it is not the usual one. */
  readonly unchanged?: { readonly reason: string; readonly message: string };
  /** Further members of the status. */
  readonly status?: Readonly<Record<string, unknown>>;
  readonly bytes: () => Promise<Uint8Array>;
}

/** Looks at what a source names now. Throws `SourceFailure`. */
export type Find<Object extends Source> = (object: Object, deps: SourceDeps, signal: AbortSignal) => Promise<Found>;

/** The data of a Secret beside the object. Throws `SourceFailure` with Flux's words when it is missing. */
export async function secretOf(
  object: KubeObject,
  name: string,
  client: Client,
  what = 'secret',
): Promise<Record<string, string>> {
  const namespace = object.metadata.namespace ?? '';
  const secret: Secret | undefined = await client.get(Secrets, { namespace, name });
  if (secret === undefined) {
    throw new SourceFailure(
      'AuthenticationFailed',
      `failed to get ${what} '${namespace}/${name}': secrets "${name}" not found`,
    );
  }
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

/** Refuses members of the spec that are not done here, by name. */
export function refuse(spec: object, members: readonly string[]): void {
  const values = spec as Readonly<Record<string, unknown>>;
  const found = members.filter((member) => {
    const value = values[member];
    return value !== undefined && !(member === 'provider' && value === 'generic');
  });
  if (found.length === 0) return;
  const names = found.map((member) => `spec.${member}`).join(', ');
  throw new SourceFailure(
    'NotSupported',
    `${names}: not supported by Towpath; remove it, or let Flux look after this object`,
    {
      isStalled: true,
    },
  );
}
