/** A branch that is kept in sync, as components of one pod share it: read at a revision, commit on top, be told of news. */

import type { Disposable, Logger } from '@towpath/kit';
import type { BuiltinContext } from './builtin.ts';

export interface GitSource {
  /** As users write it, without credentials. */
  readonly url: string;
  readonly branch: string;
  /** The newest commit that was fetched; undefined before the first fetch. */
  head(): string | undefined;
  /** Fetches now; answers the branch's commit. Throws when the server cannot be reached or the branch is missing. */
  refresh(): Promise<string>;
  /** The YAML manifests below the synchronised paths at a revision: path from the root → text. Charts are left out. */
  readManifests(revision: string): Promise<ReadonlyMap<string, string>>;
  /**
   * One commit on top of `parent`, pushed; answers its id. Throws with code `GIT_PUSH_REJECTED` when the branch has
   * moved: refresh, edit again and repeat.
   */
  commit(change: {
    readonly parent: string;
    /** Path from the root → whole new text. */
    readonly edits: ReadonlyMap<string, string>;
    /** Subject and body; the mark that skips pipelines is added by the source when it is configured. */
    readonly message: string;
  }): Promise<string>;
  /** Calls back after every fetch that moved `head`. Returns the end of the subscription. */
  onHead(handler: (head: string) => void): () => void;
}

/** Starts image automation on a source; given to synchronisation by the composition root. */
export type StartImageAutomation = (options: {
  readonly context: BuiltinContext;
  readonly source: GitSource;
  /** One line in fluxd's log format. */
  readonly logLine: (caller: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly log: Logger;
  /** How often tags of registries that do not tell of pushes are looked up. */
  readonly registryPollMs: number;
  /** How often everything is looked at again without any news. */
  readonly automationMs: number;
}) => Disposable;
