/** The environment of a container: services, envFrom, env with references and downward API, in the kubelet's order. */

import type { ConfigMap, Pod, Secret, Service } from '@towpath/api';
import { clusterIpsOf } from '../network/cluster-view.ts';
import { identityOf, specOf, type CoreContainer, type EnvFromSource, type EnvSource } from './core.ts';
import { fieldText, resourceText, type PodFacts } from './downward.ts';
import { configError } from './errors.ts';
import { expandReferences } from './expand.ts';

/** Reads of the objects a pod may refer to; undefined when they do not exist. */
export interface ConfigReader {
  configMap(key: { namespace: string; name: string }): Promise<ConfigMap | undefined>;
  secret(key: { namespace: string; name: string }): Promise<Secret | undefined>;
}

export interface EnvInput {
  readonly pod: Pod;
  readonly container: CoreContainer;
  readonly facts: PodFacts;
  readonly config: ConfigReader;
  /** All services; those of the pod's namespace and `default/kubernetes` become variables. */
  readonly services: readonly Service[];
  /** `NAME=value` lines of the image. */
  readonly imageEnv: readonly string[];
}

type Env = Record<string, string>;

/**
 * Throws `CreateContainerConfigError` for what is missing.
 * Source: Kubernetes pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables.
 */
export async function containerEnv(input: EnvInput): Promise<Env> {
  const { pod, container } = input;
  const services = serviceEnv(input);
  const own: Env = {};
  for (const source of container.envFrom ?? []) Object.assign(own, await envFrom(input, source));
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      own[name] = expandReferences(value ?? '', (reference) => own[reference] ?? services[reference]);
    } else {
      const found = await envValue(input, valueFrom);
      if (found !== undefined) own[name] = found;
    }
  }
  const path = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  const hostname = { HOSTNAME: specOf(pod).hostname ?? pod.metadata.name };
  return { ...path, ...fromLines(input.imageEnv), ...hostname, ...services, ...own };
}

function fromLines(lines: readonly string[]): Env {
  return Object.fromEntries(
    lines.map((line) => {
      const split = line.indexOf('=');
      return split < 0 ? [line, ''] : [line.slice(0, split), line.slice(split + 1)];
    }),
  );
}

async function envFrom(input: EnvInput, source: EnvFromSource): Promise<Env> {
  const { namespace } = identityOf(input.pod);
  const prefix = source.prefix ?? '';
  const withPrefix = (entries: [string, string][]): Env =>
    Object.fromEntries(entries.map(([key, value]) => [prefix + key, value]));
  if (source.configMapRef !== undefined) {
    const { name, optional } = source.configMapRef;
    const found = await input.config.configMap({ namespace, name });
    if (found === undefined && optional !== true) throw configError(`configmap "${name}" not found`);
    return withPrefix(Object.entries(found?.data ?? {}));
  }
  if (source.secretRef !== undefined) {
    const { name, optional } = source.secretRef;
    const found = await input.config.secret({ namespace, name });
    if (found === undefined && optional !== true) throw configError(`secret "${name}" not found`);
    return withPrefix(Object.entries(found?.data ?? {}).map(([key, value]) => [key, decode(value)]));
  }
  return {};
}

async function envValue(input: EnvInput, source: EnvSource): Promise<string | undefined> {
  const { pod, facts, container } = input;
  const { namespace } = identityOf(pod);
  if (source.fieldRef !== undefined) return fieldText(pod, facts, source.fieldRef);
  if (source.resourceFieldRef !== undefined) return resourceText(pod, facts, source.resourceFieldRef, container.name);
  if (source.configMapKeyRef !== undefined) {
    const { name, key, optional } = source.configMapKeyRef;
    const found = await input.config.configMap({ namespace, name });
    const value = found?.data?.[key];
    if (value !== undefined || optional === true) return value;
    throw missing('configmap', 'ConfigMap', { namespace, name, key, exists: found !== undefined });
  }
  if (source.secretKeyRef !== undefined) {
    const { name, key, optional } = source.secretKeyRef;
    const found = await input.config.secret({ namespace, name });
    const value = found?.data?.[key];
    if (value !== undefined) return decode(value);
    if (optional === true) return undefined;
    throw missing('secret', 'Secret', { namespace, name, key, exists: found !== undefined });
  }
  throw configError('env valueFrom names no source that is supported');
}

function missing(
  plural: string,
  kind: string,
  at: { namespace: string; name: string; key: string; exists: boolean },
): Error {
  if (!at.exists) return configError(`${plural} "${at.name}" not found`);
  return configError(`couldn't find key ${at.key} in ${kind} ${at.namespace}/${at.name}`);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** `NAME_SERVICE_HOST` and its Docker-style companions; `KUBERNETES_*` always. */
function serviceEnv(input: EnvInput): Env {
  const { namespace } = identityOf(input.pod);
  const links = specOf(input.pod).enableServiceLinks !== false;
  const isMaster = (service: Service): boolean =>
    service.metadata.name === 'kubernetes' && service.metadata.namespace === 'default';
  const env: Env = {};
  const chosen = input.services.filter(
    (service) => isMaster(service) || (links && service.metadata.namespace === namespace),
  );
  for (const service of chosen.toSorted((left) => (isMaster(left) ? -1 : 1))) Object.assign(env, linksOf(service));
  return env;
}

/** Source: Kubernetes pkg/kubelet/envvars. */
function linksOf(service: Service): Env {
  const host = clusterIpsOf(service)[0];
  const ports = service.spec.ports ?? [];
  const first = ports[0];
  if (host === undefined || first === undefined) return {};
  const name = service.metadata.name.replaceAll('-', '_').toUpperCase();
  const env: Env = { [`${name}_SERVICE_HOST`]: host, [`${name}_SERVICE_PORT`]: String(first.port) };
  for (const port of ports) {
    if (port.name === undefined || port.name === '') continue;
    env[`${name}_SERVICE_PORT_${port.name.replaceAll('-', '_').toUpperCase()}`] = String(port.port);
  }
  env[`${name}_PORT`] = `${(first.protocol ?? 'TCP').toLowerCase()}://${host}:${first.port}`;
  for (const port of ports) {
    const protocol = port.protocol ?? 'TCP';
    const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
    env[prefix] = `${protocol.toLowerCase()}://${host}:${port.port}`;
    env[`${prefix}_PROTO`] = protocol.toLowerCase();
    env[`${prefix}_PORT`] = String(port.port);
    env[`${prefix}_ADDR`] = host;
  }
  return env;
}
