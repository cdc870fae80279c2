/** Builtin containers: Towpath's own components, run inside the process and reached through their pod's network. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { builtinImagePrefix, type Builtin, type Transport } from '@towpath/api';
import { createLogger, isAbort, messageOf, TowpathError, type Clock, type LogLevel } from '@towpath/kit';
import type { ClusterNetwork } from '../../network/network.ts';
import { StartError } from '../errors.ts';
import type { ContainerExit, ContainerPlan, Output, RunningContainer, RuntimeKind } from './runtime.ts';

export interface BuiltinDeps {
  readonly builtins: Readonly<Record<string, Builtin>>;
  readonly network: ClusterNetwork;
  readonly clock: Clock;
  readonly logLevel: LogLevel;
  /** The API with the service account of a pod. */
  readonly transportFor: (plan: ContainerPlan) => Transport;
}

/** After the stop signal a builtin may tidy up; then the container counts as ended. */
const killedExit: ContainerExit = { exitCode: 137, signal: 9 };

/** The builtin's name of `towpath.builtin/NAME[:tag]`; undefined for other images. */
export function builtinName(image: string): string | undefined {
  if (!image.startsWith(builtinImagePrefix)) return undefined;
  return image.slice(builtinImagePrefix.length).replace(/[:@].*$/, '');
}

export function createBuiltinRuntime(deps: BuiltinDeps): RuntimeKind {
  return { start: (plan, output) => start(deps, plan, output) };
}

async function start(deps: BuiltinDeps, plan: ContainerPlan, output: Output): Promise<RunningContainer> {
  const name = builtinName(plan.imageName) ?? '';
  const builtin = deps.builtins[name];
  if (builtin === undefined) {
    const known = Object.keys(deps.builtins).toSorted().join(', ');
    throw new StartError('CreateContainerError', `there is no builtin named ${name}; known are: ${known}`);
  }
  const stop = new AbortController();
  const joined = deps.network.container(plan.network);
  const print = (line: string): void => output('stdout', Buffer.from(`${line}\n`));
  const scratchDir = join(plan.dir, 'scratch');
  await mkdir(scratchDir, { recursive: true });
  let kill = (): void => {};
  const killed = new Promise<ContainerExit>((resolve) => {
    kill = () => resolve(killedExit);
  });
  const run = async (): Promise<ContainerExit> => {
    try {
      const instance = await builtin({
        args: plan.command,
        env: plan.env,
        pod: { ...plan.pod, pod: plan.pod.name },
        transport: deps.transportFor(plan),
        dialer: joined.dialer,
        network: joined.network,
        hostUrl: (url) => deps.network.hostUrl(url),
        log: createLogger({ level: deps.logLevel, write: (line) => output('stdout', Buffer.from(line)) }),
        print,
        scratchDir,
        mounts: Object.fromEntries(plan.mounts.map(({ mountPath, hostPath }) => [mountPath, hostPath])),
        signal: stop.signal,
      });
      await instance.done;
      return { exitCode: 0 };
    } catch (error) {
      if (stop.signal.aborted && isAbort(error)) return { exitCode: 0 };
      const next = error instanceof TowpathError && error.next !== undefined ? `; ${error.next}` : '';
      output('stderr', Buffer.from(`${messageOf(error)}${next}\n`));
      return { exitCode: 1 };
    }
  };
  const exited = Promise.race([run(), killed]).finally(() => {
    stop.abort();
    joined.close();
  });
  return {
    exited,
    signal(signal) {
      stop.abort();
      if (signal === 'SIGKILL') kill();
    },
    exec: () =>
      Promise.reject(
        new TowpathError('EXEC_UNSUPPORTED', `container ${plan.name} is a part of Towpath and has no programs to run`),
      ),
    usage: () => Promise.resolve(undefined),
  };
}
