/** Finds out at start which level of the process runtime this system allows. */

import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@towpath/kit';
import { createSandboxRuntime, type SandboxDeps } from './sandbox-runtime.ts';
import type { ContainerPlan } from './runtime.ts';

export type Level = 'namespaces' | 'plain';

export interface ProbeResult {
  readonly level: Level;
  /** Why it is not `namespaces`. */
  readonly because?: string;
  /** Put before a plain command so that its whole tree ends with Towpath; empty where that is not possible. */
  readonly treePrefix: readonly string[];
}

/** Starts a container that does nothing. `dir` is an empty folder for it. */
export async function probeLevel(deps: SandboxDeps, dir: string): Promise<ProbeResult> {
  const treePrefix = await probeTree(deps);
  const runtime = createSandboxRuntime(deps);
  if (runtime === undefined) {
    return { level: 'plain', because: 'unshare, mount, setpriv or nsenter is missing', treePrefix };
  }
  const rootfs = join(dir, 'rootfs');
  try {
    await mkdir(rootfs, { recursive: true });
    await writeFile(join(rootfs, 'probe.js'), 'process.exit(7)');
    const plan = probePlan(dir, rootfs);
    let text = '';
    const container = await runtime.start(plan, (_, chunk) => {
      text += Buffer.from(chunk).toString('utf8');
    });
    const { exitCode } = await container.exited;
    if (exitCode === 7) return { level: 'namespaces', treePrefix };
    return { level: 'plain', because: `a trial container ended with ${exitCode}: ${text.trim()}`, treePrefix };
  } catch (error) {
    return { level: 'plain', because: messageOf(error), treePrefix };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function probePlan(dir: string, rootfs: string): ContainerPlan {
  const image = { imageId: '', digest: '', config: {}, rootfs, sizeBytes: 0, thin: true };
  const caller = { namespace: '', pod: '', uid: '' };
  return {
    id: '',
    name: 'probe',
    pod: { namespace: '', name: 'probe', uid: '', labels: {}, serviceAccount: '', node: '' },
    imageName: 'probe',
    image,
    command: ['node', '/probe.js'],
    // No settings: the preload does nothing without them.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', TOWPATH_PROBE: '1' },
    workingDir: '/',
    mounts: [],
    dir,
    hosts: '127.0.0.1 localhost\n',
    hostname: 'probe',
    network: {
      caller,
      ip: '',
      key: '',
      token: '',
      expectsSidecar: false,
      hostLoopback: false,
      reach: undefined,
      listeners: new Map(),
      sidecar: undefined,
    },
    alone: true,
    resolvConf: '',
    memoryLimitBytes: undefined,
    cpuLimit: undefined,
    security: { user: undefined, readOnlyRoot: false, addedCapabilities: [], droppedCapabilities: [] },
    stdin: false,
  };
}

/** As root without a user namespace, since files of other users must stay theirs; else with the user mapped to itself. */
async function probeTree(deps: SandboxDeps): Promise<string[]> {
  const namespaces = deps.tools.namespaces;
  if (namespaces === undefined) return [];
  const { setpriv, unshare } = namespaces;
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user'];
  const prefix = [
    setpriv,
    '--pdeathsig',
    'KILL',
    unshare,
    ...user,
    '--pid',
    '--mount-proc',
    '--fork',
    '--kill-child',
    '--',
  ];
  const ok = await new Promise<boolean>((resolve) => {
    const child = spawn(prefix[0] ?? '', [...prefix.slice(1), 'true'], { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
  return ok ? prefix : [];
}
