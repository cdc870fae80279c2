/** What the node asks of a runtime kind: start a container, signal it, run a command in it. */

import type { Writable } from 'node:stream';
import type { PodTerminal, ExitStatus } from '../../apiserver/pod-streams.ts';
import type { NetworkPod } from '../../network/pods.ts';
import type { LocalImage } from '../images/image-store.ts';
import type { LogStream } from '../logs/log-file.ts';

/** A volume at its place. */
export interface PlannedMount {
  readonly mountPath: string;
  /** A folder or a file of the host. */
  readonly hostPath: string;
  readonly readOnly: boolean;
}

/** What containers of an engine are given; the other kinds run everything as the user who started Towpath. */
export interface PlannedSecurity {
  /** `user[:group]` of the pod, or the image's. */
  readonly user: string | undefined;
  readonly readOnlyRoot: boolean;
  readonly addedCapabilities: readonly string[];
  readonly droppedCapabilities: readonly string[];
}

/** Everything that is known before a container starts. */
export interface ContainerPlan {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly serviceAccount: string;
    readonly node: string;
  };
  /** The name as the pod has it. */
  readonly imageName: string;
  /** Absent for builtin and host shell containers. */
  readonly image: LocalImage | undefined;
  /** Entrypoint and arguments; for builtins the arguments alone. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly mounts: readonly PlannedMount[];
  /** An empty folder of this container's run. */
  readonly dir: string;
  /** Contents of /etc/hosts, and the pod's hostname. */
  readonly hosts: string;
  readonly hostname: string;
  readonly network: NetworkPod;
  /** No other program container of the pod runs beside it. */
  readonly alone: boolean;
  /** Contents of /etc/resolv.conf where names are answered by the cluster's name server. */
  readonly resolvConf: string;
  readonly memoryLimitBytes: number | undefined;
  /** Processors. */
  readonly cpuLimit: number | undefined;
  readonly security: PlannedSecurity;
  readonly stdin: boolean;
}

export interface ContainerExit {
  readonly exitCode: number;
  readonly signal?: number;
  /** Set where it is not `Completed` or `Error`, e.g. `OOMKilled`. */
  readonly reason?: string;
  readonly message?: string;
}

export type StopSignal = 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

/** CPU time used so far, and memory now. */
export interface ProcessUsage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

export interface RunningContainer {
  readonly exited: Promise<ContainerExit>;
  /** Resolves when the signal is sent; the container may ignore it. */
  signal(signal: StopSignal): void;
  /** Rejects with `EXEC_UNSUPPORTED` where no command can be run. */
  exec(command: readonly string[], terminal: PodTerminal): Promise<ExitStatus>;
  /** The program's standard input, when the plan asked for one. */
  readonly stdin?: Pick<Writable, 'write' | 'end'> | undefined;
  /** The process on the host; absent for builtins. */
  readonly process?: { readonly pid: number; readonly startTime: string };
  usage(): Promise<ProcessUsage | undefined>;
  /** A sentence about what this kind cannot do for the container, for an event. */
  readonly limitation?: string;
}

export type Output = (stream: LogStream, chunk: Uint8Array) => void;

/** One way to run containers. `start` throws `StartError`. */
export interface RuntimeKind {
  start(plan: ContainerPlan, output: Output): Promise<RunningContainer>;
}
