/** Starts the virtual nodes: network, images, runtimes, kubelets and node objects, from one set of options. */

import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Disposer, systemRandom, type Clock, type Logger, type LogLevel, type Random } from '@towpath/kit';
import type { Builtin, Dialer, Transport } from '@towpath/api';
import { Client } from '@towpath/runtime';
import type { PodStreams } from '../apiserver/pod-streams.ts';
import { startNetwork, type ClusterNetwork } from '../network/network.ts';
import { preloadSource } from '../network/preload/source.ts';
import type { RelayTools } from '../network/relay/relay.ts';
import type { HostServices } from '../network/resolver.ts';
import { makeRunDir } from '../network/run-dir.ts';
import { watchImageArrivals } from './images/image-arrivals.ts';
import { ImageStore } from './images/image-store.ts';
import type { ImageSource } from './images/image-source.ts';
import { startKubelets, type Kubelets } from './kubelet.ts';
import { startKubeletServer } from './kubelet-server/server.ts';
import { endLeftovers } from './leftovers.ts';
import { startNodeHeart, type NodeFacts } from './node-object.ts';
import { nodePaths, type NodePaths } from './paths.ts';
import type { NodeContext } from './pod/node-context.ts';
import { createPodStreams } from './pod-streams.ts';
import { createBuiltinRuntime } from './runtimes/builtin-runtime.ts';
import { chooseRuntime } from './runtimes/choose.ts';
import { createContainerRuntime } from './runtimes/container/container-runtime.ts';
import type { Engine } from './runtimes/container/engine.ts';
import { relayToolsFor, setUpEngine, type EngineOfNode } from './runtimes/container/setup.ts';
import { findHostTools, type HostTools } from './runtimes/host-tools.ts';
import { createHostShellRuntime, createPlainRuntime, type PlainDeps } from './runtimes/plain-runtime.ts';
import { probeLevel, type Level } from './runtimes/probe.ts';
import type { ContainerPlan } from './runtimes/runtime.ts';
import { createSandboxRuntime, type SandboxDeps } from './runtimes/sandbox-runtime.ts';
import { createSemaphore } from './semaphore.ts';
import type { TokenSource } from './service-account-token.ts';
import { startUsageSampler } from './usage.ts';
import { createObjectCache } from './volumes/object-cache.ts';

/** The machine, as the composition root reads it. */
export interface HostFacts {
  /** process.platform and process.arch */
  readonly platform: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** os.release() and a name for people, e.g. `Debian GNU/Linux 12 (bookworm)`. */
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly userId: number;
  readonly tempDir: string;
  /** process.execPath */
  readonly node: string;
  /** The host's environment; host shell containers get a chosen part of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface StartNodesOptions {
  /** The API as the nodes: an administrator, or `system:nodes`. */
  readonly transport: Transport;
  /** The API with a bearer token, asked for at each request: for builtin containers, through the full chain. */
  readonly transportWithToken: (token: () => Promise<string>) => Transport;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
  /** An existing folder; links in its path are resolved. */
  readonly dataDir: string;
  /** How many; named towpath-node-1 and so on. */
  readonly nodes: number;
  readonly images: ImageSource;
  readonly builtins: Readonly<Record<string, Builtin>>;
  /** `name.namespace:port` → the host's own listener. */
  readonly hostServices: HostServices;
  /** `namespace/name:port` of LoadBalancer services → the port wanted on first use. */
  readonly hostPorts?: Readonly<Record<string, number>>;
  readonly host: HostFacts;
  /** The nodes join an API server that is not ours, which asks them for logs over HTTPS. */
  readonly join?: JoinOptions;
  /** Of the lines builtin containers log; default info. */
  readonly logLevel?: LogLevel;
  /** Forces a level; absent, the best one the system allows. */
  readonly level?: Level;
  /** Default `process`; `container` needs podman. */
  readonly runtime?: 'process' | 'container';
}

/** What a node has beyond an embedded one. */
export interface JoinOptions {
  /** The first node has this name, further ones a number behind it. */
  readonly name: string;
  /** Where the kubelet's server listens; the API server must reach it. Default 127.0.0.1. */
  readonly nodeIP: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM; the API server's client certificate must be of it. */
  readonly clientAuthority: string;
}

export interface RunningNodes {
  readonly dialer: Dialer;
  readonly podStreams: PodStreams;
  readonly level: Level;
  /** As nodes show it, e.g. `process://namespaces` or `podman://4.3.1`. */
  readonly runtime: string;
  /** An in-cluster URL as programs on the host open it. */
  hostUrl(url: string): string;
  /** Stops every pod, then the network. */
  dispose(): Promise<void>;
}

const kubeletVersion = 'v1.34.4';
/** Programs that start at once, per processor. */
const startsPerCpu = 2;
const hostVariables = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'TMPDIR',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

/** Resolves when the nodes are registered and Ready and the existing pods are being started. */
export async function startNodes(options: StartNodesOptions): Promise<RunningNodes> {
  const ends = new Disposer();
  try {
    return await startParts(options, ends);
  } catch (error) {
    await ends.dispose();
    throw error;
  }
}

async function startParts(options: StartNodesOptions, ends: Disposer): Promise<RunningNodes> {
  const { clock, log, host } = options;
  const dataDir = await realpath(options.dataDir);
  const paths = nodePaths(dataDir);
  await endLeftovers(paths, log);
  const runDir = await makeRunDir({ dataDir, tempDir: host.tempDir, userId: host.userId });
  await writeSupport(paths);
  const client = new Client({
    transport: options.transport,
    fieldManager: 'kubelet',
    userAgent: 'towpath-kubelet/0.1',
  });
  const random = options.random ?? systemRandom;
  const tools = findHostTools({ path: host.env['PATH'] ?? '', platform: host.platform });
  const { env } = host;
  const engine =
    options.runtime === 'container' ? await setUpEngine({ tools, env, paths, dataDir, ends, log }) : undefined;
  const relayTools = await relayToolsOf(tools, host.node, engine?.engine);
  const network = ends.own(
    await startNetwork({
      client,
      clock,
      log,
      random,
      dataDir,
      runDir,
      hostServices: options.hostServices,
      hostPorts: options.hostPorts ?? {},
      ...(relayTools !== undefined && { relayTools }),
    }),
  );
  const objects = ends.own(createObjectCache({ client, clock, log }));
  const arrivals = ends.own(watchImageArrivals({ client, clock, log }));
  const tokens = new Map<string, TokenSource>();
  const { level, runtimeFor } = await chooseRuntimes(options, { paths, runDir, network, tokens, tools, engine });
  const runtime = engine === undefined ? `process://${level}` : `${engine.engine.name}://${engine.engine.version}`;
  const context: Omit<NodeContext, 'event'> = {
    client,
    clock,
    random,
    log,
    paths,
    network,
    images: imageStoreOf(options, paths, engine !== undefined),
    objects,
    services: () => network.services(),
    runtimeFor,
    onImageArrival: (reference, arrived) => arrivals.on(reference, arrived),
    starts: createSemaphore(Math.max(2, host.cpus * startsPerCpu)),
    registerTokens(uid, source) {
      if (source === undefined) tokens.delete(uid);
      else tokens.set(uid, source);
    },
  };
  const nodes = Array.from({ length: options.nodes }, (_, index) => nodeFacts(options, runtime, index + 1));
  const kubelets = ends.own(await startKubelets({ client, clock, log, nodes, context }));
  const usage = ends.own(startUsageSampler({ kubelets, clock, log }));
  const podStreams = createPodStreams({ kubelets, paths, dialer: network.dialer, usage, clock });
  await announce({ join: options.join, nodes, dataDir, client, kubelets, podStreams, clock, log }, ends);
  return {
    dialer: network.dialer,
    podStreams,
    level,
    runtime,
    hostUrl: (url) => network.hostUrl(url),
    dispose: () => ends.dispose(),
  };
}

interface Announced {
  readonly join: JoinOptions | undefined;
  readonly nodes: readonly NodeFacts[];
  readonly dataDir: string;
  readonly client: Client;
  readonly kubelets: Kubelets;
  readonly podStreams: PodStreams;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Makes the nodes known; those of another's API server say where the kubelet's server is. */
async function announce({ join, nodes, kubelets, podStreams, ...rest }: Announced, ends: Disposer): Promise<void> {
  const { dataDir, ...common } = rest;
  const kubelet =
    join === undefined
      ? undefined
      : ends.own(
          await startKubeletServer({
            ...common,
            dataDir,
            host: join.nodeIP,
            port: join.port,
            clientAuthority: join.clientAuthority,
            nodeName: join.name,
            pods: () => kubelets.workers().map((worker) => worker.pod),
            streams: podStreams,
          }),
        );
  for (const facts of nodes) {
    const told = { ...facts, kubeletPort: kubelet?.port };
    ends.own(await startNodeHeart({ ...common, facts: told, tellsEnd: join !== undefined }));
  }
}

/** The preload, and the host's resolver settings where it has a file of them. */
async function writeSupport(paths: NodePaths): Promise<void> {
  await mkdir(dirname(paths.preload), { recursive: true });
  await writeFile(paths.preload, preloadSource());
  await writeFile(paths.resolvConf, await readFile('/etc/resolv.conf', 'utf8').catch(() => ''));
}

async function chooseRuntimes(
  options: StartNodesOptions,
  made: {
    paths: NodePaths;
    runDir: string;
    network: ClusterNetwork;
    tokens: ReadonlyMap<string, TokenSource>;
    tools: HostTools;
    engine: EngineOfNode | undefined;
  },
): Promise<{ level: Level; runtimeFor: NodeContext['runtimeFor'] }> {
  const { host, clock, log } = options;
  const { paths, runDir, network, tokens, tools, engine } = made;
  const sandboxDeps: SandboxDeps = {
    clock,
    tools,
    runDir,
    preload: paths.preload,
    node: await realpath(host.node),
    resolvConf: paths.resolvConf,
    isolate: (pod) => network.isolate(pod),
  };
  const probed = await probeLevel(sandboxDeps, paths.probe);
  const level = options.level ?? probed.level;
  if (probed.because !== undefined) log.info('containers run as plain processes', { because: probed.because });
  const plainDeps: PlainDeps = {
    sh: tools.sh,
    script: tools.script,
    runDir,
    preload: paths.preload,
    node: sandboxDeps.node,
    treePrefix: level === 'namespaces' ? probed.treePrefix : [],
    path: tools.path,
  };
  const sandbox = level === 'namespaces' ? createSandboxRuntime(sandboxDeps) : undefined;
  const containers =
    engine &&
    createContainerRuntime({
      ...engine,
      tools,
      clock,
      log,
      node: sandboxDeps.node,
      preload: paths.preload,
      isolate: sandboxDeps.isolate,
    });
  const builtin = createBuiltinRuntime({
    builtins: options.builtins,
    network,
    clock,
    logLevel: options.logLevel ?? 'info',
    transportFor: (plan) => options.transportWithToken(() => tokenOf(tokens, plan)),
  });
  const hostEnv = Object.entries(host.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && hostVariables.includes(entry[0]),
  );
  const runtimeFor = chooseRuntime({
    builtin,
    hostShell: createHostShellRuntime(plainDeps),
    processes: containers ?? sandbox ?? createPlainRuntime(plainDeps),
    scheme: engine?.engine.name ?? 'process',
    hostEnv: Object.fromEntries(hostEnv),
  });
  return { level, runtimeFor };
}

/** Processes run in a namespace of one user, to which every file must belong; containers of a root have all users. */
function imageStoreOf(options: StartNodesOptions, paths: NodePaths, hasEngine: boolean): ImageStore {
  const owners = hasEngine && options.host.userId === 0;
  return new ImageStore({ dir: owners ? `${paths.images}-owners` : paths.images, source: options.images, owners });
}

/** Undefined where a program for network namespaces is missing. */
async function relayToolsOf(
  tools: HostTools,
  node: string,
  engine: Engine | undefined,
): Promise<RelayTools | undefined> {
  const { namespaces, sh } = tools;
  if (namespaces?.ip === undefined) return undefined;
  const { ip, nsenter, setpriv, unshare } = namespaces;
  const asRoot = [unshare, '--user', '--map-root-user', '--'];
  return relayToolsFor({ ip, sh, nsenter, setpriv, unshare, node: await realpath(node), asRoot }, engine);
}

function tokenOf(tokens: ReadonlyMap<string, TokenSource>, plan: ContainerPlan): Promise<string> {
  const source = tokens.get(plan.pod.uid);
  if (source === undefined) return Promise.reject(new Error(`pod ${plan.pod.namespace}/${plan.pod.name} has ended`));
  return source.token({ audience: undefined, expirationSeconds: 3600 });
}

function nodeFacts(options: StartNodesOptions, runtime: string, number: number): NodeFacts {
  const { host, join } = options;
  const name = nameOf(join, number);
  return {
    name,
    hostIP: join?.nodeIP ?? `172.30.0.${10 + number}`,
    podCIDR: `10.244.${number}.0/24`,
    cpu: String(host.cpus),
    memory: `${Math.floor(host.memoryBytes / 1024)}Ki`,
    pods: '110',
    architecture: host.architecture === 'x64' ? 'amd64' : host.architecture,
    operatingSystem: 'linux',
    osImage: host.osImage,
    kernelVersion: host.kernelVersion,
    containerRuntime: runtime,
    kubeletVersion,
    machineId: createHash('sha256').update(`${options.dataDir}/${name}`).digest('hex').slice(0, 32),
  };
}

function nameOf(join: JoinOptions | undefined, number: number): string {
  if (join === undefined) return `towpath-node-${number}`;
  return number === 1 ? join.name : `${join.name}-${number}`;
}
