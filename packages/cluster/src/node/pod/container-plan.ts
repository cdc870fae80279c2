/** From a container of a spec to everything its runtime needs to know. */

import { mkdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@towpath/api';
import { parseQuantity } from '../../scheduler/quantity.ts';
import { nameServer } from '../../network/relay/relay.ts';
import { identityOf, isSidecar, specOf, type CoreContainer, type VolumeMount } from '../core.ts';
import { containerEnv } from '../env.ts';
import { configError, StartError } from '../errors.ts';
import { expandReferences } from '../expand.ts';
import type { LocalImage } from '../images/image-store.ts';
import { resolveInside } from '../images/unpack.ts';
import type { ContainerPlan, PlannedMount, PlannedSecurity } from '../runtimes/runtime.ts';
import type { PodContext } from './node-context.ts';
import { messageMount } from './termination-message.ts';

/** Throws `StartError` (CreateContainerConfigError and its like). The container's folder is emptied. */
export async function planContainer(
  context: PodContext,
  container: CoreContainer,
  options: { id: string; image: LocalImage | undefined; env: readonly string[] },
): Promise<ContainerPlan> {
  const pod = context.pod();
  const { namespace, name, uid } = identityOf(pod);
  const { image } = options;
  const env = await containerEnv({
    pod,
    container,
    facts: context.facts,
    config: context.config,
    services: context.services(),
    imageEnv: image?.config.Env ?? options.env,
  });
  const expand = (text: string): string => expandReferences(text, (reference) => env[reference]);
  const dir = context.paths.container(uid, container.name);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const { memory, cpu } = container.resources?.limits ?? {};
  return {
    id: options.id,
    name: container.name,
    pod: {
      namespace,
      name,
      uid,
      labels: pod.metadata.labels ?? {},
      serviceAccount: pod.spec.serviceAccountName ?? 'default',
      node: pod.spec.nodeName ?? '',
    },
    imageName: container.image ?? '',
    image,
    command: commandOf(container, image, expand),
    env,
    workingDir: container.workingDir ?? (image?.config.WorkingDir || '/'),
    mounts: [
      ...(await plannedMounts(context, container, expand)),
      ...(image === undefined ? [] : await messageMount(container, dir)),
    ],
    dir: await realpath(dir),
    hosts: context.hosts,
    hostname: context.hostname,
    network: context.networkPod,
    alone: isAlone(context, container),
    resolvConf: resolvConf(pod),
    cpuLimit: cpu === undefined ? undefined : parseQuantity(cpu),
    security: securityOf(pod, container, image),
    memoryLimitBytes: memory === undefined ? undefined : parseQuantity(memory),
    stdin: container.stdin === true,
  };
}

function securityOf(pod: Pod, container: CoreContainer, image: LocalImage | undefined): PlannedSecurity {
  const own = container.securityContext ?? {};
  const ofPod = specOf(pod).securityContext ?? {};
  const user = own.runAsUser ?? ofPod.runAsUser;
  const group = own.runAsGroup ?? ofPod.runAsGroup;
  const asked = user === undefined ? undefined : [user, group].filter((one) => one !== undefined).join(':');
  return {
    user: asked ?? (image?.config.User || undefined),
    readOnlyRoot: own.readOnlyRootFilesystem === true,
    addedCapabilities: own.capabilities?.add ?? [],
    droppedCapabilities: own.capabilities?.drop ?? [],
  };
}

/** Init containers run one after another, beside sidecars alone. */
function isAlone(context: PodContext, container: CoreContainer): boolean {
  const spec = specOf(context.pod());
  const sidecars = (spec.initContainers ?? []).filter(isSidecar);
  const isInit = (spec.initContainers ?? []).some(({ name }) => name === container.name) && !isSidecar(container);
  const beside = isInit ? sidecars : [...sidecars, ...spec.containers];
  return !beside.some(({ name, image }) => name !== container.name && context.runtimeFor(image ?? '').needsImage);
}

/** `command` replaces the image's entrypoint and its arguments, `args` its arguments. */
function commandOf(
  container: CoreContainer,
  image: LocalImage | undefined,
  expand: (text: string) => string,
): string[] {
  const command = (container.command ?? []).map(expand);
  const args = (container.args ?? []).map(expand);
  if (image === undefined) return [...command, ...args];
  const entrypoint = command.length > 0 ? command : (image.config.Entrypoint ?? []);
  const rest = command.length > 0 || args.length > 0 ? args : (image.config.Cmd ?? []);
  const words = [...entrypoint, ...rest];
  if (words.length === 0) throw new StartError('CreateContainerError', 'no command specified');
  return words;
}

async function plannedMounts(
  context: PodContext,
  container: CoreContainer,
  expand: (text: string) => string,
): Promise<PlannedMount[]> {
  const mounts: PlannedMount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = context.volumes.pathOf(mount.name);
    if (volume === undefined) throw configError(`volume ${mount.name} of container ${container.name} is not mounted`);
    mounts.push({
      mountPath: mount.mountPath.length > 1 ? mount.mountPath.replace(/\/+$/, '') : mount.mountPath,
      hostPath: await sourceOf(volume, mount, expand),
      readOnly: mount.readOnly === true,
    });
  }
  // Parents first, so that a mount inside another one is not hidden by it.
  return mounts.toSorted((left, right) => left.mountPath.length - right.mountPath.length);
}

/** The folder or file of a mount; `subPath` stays inside its volume and is made when it is missing. */
async function sourceOf(volume: string, mount: VolumeMount, expand: (text: string) => string): Promise<string> {
  const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr);
  if (subPath === '') return realpath(volume);
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw configError(`subPath of volume ${mount.name} must be relative and inside it: ${subPath}`);
  }
  const root = await realpath(volume);
  const path = join(root, await resolveInside(root, subPath));
  if ((await stat(path).catch(() => undefined)) === undefined) await mkdir(path, { recursive: true });
  return path;
}

/** The pod's /etc/resolv.conf: every name server is the cluster's. Source: Kubernetes pkg/kubelet/network/dns. */
function resolvConf(pod: ReturnType<PodContext['pod']>): string {
  const { dnsPolicy = 'ClusterFirst', dnsConfig = {} } = specOf(pod);
  const ofCluster = dnsPolicy.startsWith('ClusterFirst');
  const domains = ['svc.cluster.local', 'cluster.local'];
  const own = ofCluster ? [`${identityOf(pod).namespace}.${domains[0]}`, ...domains] : [];
  const searches = [...new Set([...own, ...(dnsConfig.searches ?? [])])];
  const options = new Map<string, string | undefined>(ofCluster ? [['ndots', '5']] : []);
  for (const { name, value } of dnsConfig.options ?? []) options.set(name, value);
  const words = [...options].map(([name, value]) => (value === undefined ? name : `${name}:${value}`));
  return [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}\n`] : []),
    `nameserver ${nameServer}\n`,
    ...(words.length > 0 ? [`options ${words.join(' ')}\n`] : []),
  ].join('');
}

/** The pod's /etc/hosts. Source: Kubernetes pkg/kubelet, managedHostsFileContent. */
export function hostsFile(context: { podIP: string; hostname: string; pod: ReturnType<PodContext['pod']> }): string {
  const aliases = (specOf(context.pod).hostAliases ?? []).map(
    ({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`,
  );
  return [
    '# Kubernetes-managed hosts file.\n',
    '127.0.0.1\tlocalhost\n',
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    `${context.podIP}\t${context.hostname}\n`,
    ...(aliases.length > 0 ? ['\n# Entries added by HostAliases.\n', ...aliases] : []),
  ].join('');
}
