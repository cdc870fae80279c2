/** What every action is given: the API, the history, the time, and where to say what it does. */

import type { Clock, Random } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { Renderer } from '../render-worker/renderer.ts';
import type { ReleaseStorage } from '../storage/secrets.ts';
import type { Capabilities } from './capabilities.ts';
import type { Rendered } from './rendered.ts';
import type { Waiter } from './wait.ts';

export interface ActionContext {
  /** Its field manager owns what is applied: `helm`, or `helm-operator`. */
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** The release's namespace: its history is here, and objects that name no namespace go here. */
  readonly namespace: string;
  readonly storage: ReleaseStorage;
  /** One line of progress, as the Helm client logs it. */
  readonly progress: (line: string) => void;
  /** Logs of hooks that ask for it with helm.sh/hook-output-log-policy. */
  readonly hookOutput?: (text: string) => void;
  /** Ends waiting; the release is then marked failed. */
  readonly signal?: AbortSignal;
  /** Takes renders that would hold up the event loop; without it all are done in place. */
  readonly renderer?: Renderer | undefined;
  /** Put on every object of the release: who asked for it. */
  readonly objectAnnotations?: Readonly<Record<string, string>>;
  /** What the cluster can do; asked for anew when left out. */
  readonly capabilities?: (() => Promise<Capabilities>) | undefined;
  /** Changes what a chart rendered before it is stored and sent. */
  readonly postRender?: ((rendered: Rendered) => Rendered) | undefined;
  /** How readiness is told; Helm 3's rules when left out. */
  readonly waiter?: Waiter | undefined;
  /** Objects are sent by server-side apply; `force` takes fields from other managers. Otherwise they are patched. */
  readonly serverSide?: { readonly force: boolean } | undefined;
  /** Written on the revision while it is pending, so that a killed operation can be told from a running one. */
  readonly pendingAnnotations?: Readonly<Record<string, string>>;
}

/** Options that install, upgrade and rollback share. Every option is written by the caller. */
export interface OperationOptions {
  readonly wait: boolean;
  readonly waitForJobs: boolean;
  /** For each wait and each hook. */
  readonly timeoutMs: number;
  readonly disableHooks: boolean;
  /** Replaces objects (PUT) where an upgrade would patch them. */
  readonly force: boolean;
  /** Restores Helm's three-way merge where Flagger owns a field; see patch.ts. */
  readonly strictThreeWay: boolean;
}
