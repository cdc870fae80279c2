/** What every command may touch, given once by main.ts. */

import type { Clock, Logger, Random } from '@towpath/kit';
import type { Client } from '@towpath/runtime';

/** Where a command finds the API: flags first, then KUBECONFIG, then the running Towpath of the data folder. */
export interface ClientTarget {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Field manager of writes; defaults to `towpath`. */
  readonly fieldManager?: string | undefined;
  /** In place of what the kubeconfig says; with a server no kubeconfig is needed. */
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  readonly caFile?: string | undefined;
  readonly insecure?: boolean;
  /** Acts for this user, as far as the server lets it. */
  readonly asUser?: string | undefined;
  readonly asGroup?: string | undefined;
}

export interface ClientWithNamespace {
  readonly client: Client;
  /** The namespace of the kubeconfig's context. */
  readonly namespace: string;
}

/** Addresses of a running Towpath, as `towpath up` writes them to `DIR/ready.json`. */
export interface Ready {
  readonly version: string;
  readonly kubeconfig?: string;
  readonly apiserver?: string;
  readonly git?: string;
  readonly registry?: string;
  readonly charts?: string;
  readonly dashboard?: string;
  readonly gateway?: string;
  readonly metrics?: string;
}

export interface CliContext {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** True when stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly version: string;
  /** The file of the program itself (dist/towpath.js), for shims that call it again. */
  readonly program: string;
  /** A client and its namespace. Throws `KUBECONFIG_INVALID` or `API_UNREACHABLE`. */
  client(target?: ClientTarget): Promise<ClientWithNamespace>;
  /** Reads `ready.json` of the data folder (flag, TOWPATH_DATA, `.towpath`); undefined when none runs there. */
  ready(dataDir?: string): Promise<Ready | undefined>;
  /** Standard input to its end. */
  readStdin(): Promise<string>;
  /** Sets the exit code the process ends with (0 done, 1 failed, 2 wrong usage). */
  exitCode(code: 0 | 1 | 2 | 3): void;
}
