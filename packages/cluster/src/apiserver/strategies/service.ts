/** Services: defaults, and the allocation of cluster IPs and node ports. Source: pkg/apis/core/v1/defaults.go, pkg/registry/core/service. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, jsonEqual } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { addressProblem } from '../names.ts';
import type { Strategy, StrategyContext } from './strategy.ts';

const nodePorts = { first: 30_000, last: 32_767 };

interface ServicePortSpec {
  name?: string;
  port: number;
  targetPort?: number | string;
  protocol?: string;
  nodePort?: number;
}

interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  clusterIPs?: string[];
  ports?: ServicePortSpec[];
  selector?: Record<string, string>;
  externalName?: string;
  sessionAffinity?: string;
  sessionAffinityConfig?: { clientIP?: { timeoutSeconds?: number } };
  internalTrafficPolicy?: string;
  externalTrafficPolicy?: string;
  allocateLoadBalancerNodePorts?: boolean;
  ipFamilies?: string[];
  ipFamilyPolicy?: string;
  healthCheckNodePort?: number;
  externalIPs?: string[];
}

function specOf(object: AnyObject): ServiceSpec {
  return object['spec'] as ServiceSpec;
}

function hasNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

function applyDefaults(object: AnyObject): void {
  const spec = specOf(object);
  spec.type ??= 'ClusterIP';
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10_800;
  }
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  const isExternal = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0;
  if (isExternal && spec.type !== 'ExternalName') spec.externalTrafficPolicy ??= 'Cluster';
  const ingress = getIn(object, ['status', 'loadBalancer', 'ingress']);
  for (const entry of Array.isArray(ingress) ? ingress.filter(isRecord) : []) {
    if (entry['ip'] !== undefined) entry['ipMode'] ??= 'VIP';
  }
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
}

/** `10.96.a.b` as a number from 0, or undefined outside 10.96/16. */
function offsetOf(ip: string): number | undefined {
  const match = /^10\.96\.(\d{1,3})\.(\d{1,3})$/.exec(ip);
  if (match === null) return undefined;
  const [high, low] = [Number(match[1]), Number(match[2])];
  return high > 255 || low > 255 ? undefined : high * 256 + low;
}

function others(object: AnyObject, context: StrategyContext): ServiceSpec[] {
  const { name, namespace } = object.metadata;
  return context.store
    .collection('core/services')
    .list()
    .filter((stored) => stored.object.metadata.name !== name || stored.object.metadata.namespace !== namespace)
    .map((stored) => specOf(stored.object));
}

/** A free cluster IP; the first 256 are left to those who ask for one by number. */
function freeClusterIP(object: AnyObject, context: StrategyContext): string {
  const used = new Set(others(object, context).map((spec) => spec.clusterIP));
  for (let attempt = 0; attempt < 65_000; attempt++) {
    const offset = attempt < 100 ? 256 + context.random.integer(65_536 - 512) : 256 + attempt;
    const ip = `10.96.${offset >> 8}.${offset & 255}`;
    if (!used.has(ip)) return ip;
  }
  return '';
}

function allocate(object: AnyObject, context: StrategyContext): void {
  const spec = specOf(object);
  if (spec.type === 'ExternalName') {
    for (const name of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const)
      delete spec[name];
    return;
  }
  const asked = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '';
  const clusterIP = asked === '' ? freeClusterIP(object, context) : asked;
  spec.clusterIP = clusterIP;
  spec.clusterIPs ??= [clusterIP];
  // Without a selector nobody knows which families the endpoints will have.
  const isOpen = clusterIP === 'None' && spec.selector === undefined;
  spec.ipFamilies ??= isOpen ? ['IPv4', 'IPv6'] : ['IPv4'];
  spec.ipFamilyPolicy ??= isOpen ? 'RequireDualStack' : 'SingleStack';
  if (hasNodePorts(spec)) allocateNodePorts(object, context);
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local')
    spec.healthCheckNodePort ??= freeNodePort(object, context);
}

function allocateNodePorts(object: AnyObject, context: StrategyContext): void {
  const spec = specOf(object);
  const used = new Set(others(object, context).flatMap((other) => (other.ports ?? []).map((port) => port.nodePort)));
  for (const port of spec.ports ?? []) if (port.nodePort !== undefined && port.nodePort !== 0) used.add(port.nodePort);
  const span = nodePorts.last - nodePorts.first + 1;
  for (const port of spec.ports ?? []) {
    if (port.nodePort !== undefined && port.nodePort !== 0) continue;
    for (let attempt = 0; attempt < span * 2; attempt++) {
      const candidate = nodePorts.first + (attempt < 100 ? context.random.integer(span) : attempt % span);
      if (used.has(candidate)) continue;
      port.nodePort = candidate;
      used.add(candidate);
      break;
    }
  }
}

/** A node port nobody has, for health checks. */
function freeNodePort(object: AnyObject, context: StrategyContext): number {
  const used = new Set(others(object, context).flatMap((other) => (other.ports ?? []).map((port) => port.nodePort)));
  for (const port of specOf(object).ports ?? []) used.add(port.nodePort);
  const span = nodePorts.last - nodePorts.first + 1;
  for (let attempt = 0; attempt < span; attempt++) {
    const candidate = nodePorts.first + (attempt < 100 ? context.random.integer(span) : attempt);
    if (!used.has(candidate)) return candidate;
  }
  return 0;
}

/** An update that leaves allocated values out keeps them. */
function keepAllocated(object: AnyObject, old: AnyObject): void {
  const [spec, before] = [specOf(object), specOf(old)];
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return;
  if ((spec.clusterIP ?? '') === '' && (spec.clusterIPs ?? []).length === 0) {
    if (before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if (before.clusterIPs !== undefined) spec.clusterIPs = before.clusterIPs;
  }
  // Who patches clusterIP alone means the list too.
  const isAddressChanged = spec.clusterIP !== undefined && spec.clusterIP !== before.clusterIP;
  if (isAddressChanged && jsonEqual(spec.clusterIPs, before.clusterIPs)) spec.clusterIPs = [spec.clusterIP ?? ''];
  if (before.ipFamilies !== undefined) spec.ipFamilies ??= before.ipFamilies;
  if (before.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
  if (!hasNodePorts(spec)) {
    if (spec.type === 'ClusterIP' && before.type !== 'ClusterIP') dropNodePorts(spec, before);
    return;
  }
  for (const port of spec.ports ?? []) {
    if (port.nodePort !== undefined && port.nodePort !== 0) continue;
    const same = (before.ports ?? []).find((other) => other.port === port.port && other.protocol === port.protocol);
    if (same?.nodePort !== undefined) port.nodePort = same.nodePort;
  }
}

/** Back to ClusterIP: ports that were allocated go unless the user changed them. */
function dropNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  for (const port of spec.ports ?? []) {
    const same = (before.ports ?? []).find((other) => other.nodePort === port.nodePort);
    if (same !== undefined) delete port.nodePort;
  }
  if (spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts)
    delete spec.allocateLoadBalancerNodePorts;
}

function validate(object: AnyObject): StatusCause[] {
  const spec = specOf(object);
  const causes: StatusCause[] = [];
  const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
  if (!types.includes(spec.type ?? '')) causes.push(cause.notSupported('spec.type', spec.type ?? '', types));
  if (spec.type === 'ExternalName') {
    if ((spec.externalName ?? '') === '') causes.push(cause.required('spec.externalName'));
    return causes;
  }
  const ip = spec.clusterIP ?? '';
  const wrong = ip === 'None' || ip === '' ? undefined : addressProblem(ip);
  if (wrong !== undefined) causes.push(cause.invalid('spec.clusterIPs[0]', ip, wrong));
  const ports = spec.ports ?? [];
  if (ports.length === 0 && ip !== 'None') causes.push(cause.required('spec.ports'));
  causes.push(...validatePorts(ports));
  return causes;
}

function validatePorts(ports: readonly ServicePortSpec[]): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  const pairs = new Set<string>();
  ports.forEach((port, index) => {
    const at = `spec.ports[${index}]`;
    if (ports.length > 1 && (port.name ?? '') === '') causes.push(cause.required(`${at}.name`));
    if (port.name !== undefined) {
      if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(port.name))
        causes.push(
          cause.invalid(
            `${at}.name`,
            port.name,
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
          ),
        );
      if (names.has(port.name)) causes.push(cause.duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (port.port < 1 || port.port > 65_535)
      causes.push(cause.invalid(`${at}.port`, port.port, 'must be between 1 and 65535, inclusive'));
    if (!['TCP', 'UDP', 'SCTP'].includes(port.protocol ?? ''))
      causes.push(cause.notSupported(`${at}.protocol`, port.protocol ?? '', ['SCTP', 'TCP', 'UDP']));
    const pair = `${port.port}/${port.protocol ?? ''}`;
    if (pairs.has(pair)) causes.push(cause.duplicate(at, internalPort(port)));
    pairs.add(pair);
    if (port.nodePort !== undefined && (port.nodePort < nodePorts.first || port.nodePort > nodePorts.last)) {
      causes.push(
        cause.invalid(
          `${at}.nodePort`,
          port.nodePort,
          `provided port is not in the valid range. The range of valid ports is ${nodePorts.first}-${nodePorts.last}`,
        ),
      );
    }
  });
  return causes;
}

/** A port as the real server prints it in this refusal. */
function internalPort({ port, protocol }: ServicePortSpec): object {
  return { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
}

/** Values the user chose must not be taken. */
function validateAllocation(object: AnyObject, context: StrategyContext): StatusCause[] {
  const spec = specOf(object);
  const causes: StatusCause[] = [];
  const rest = others(object, context);
  const ip = spec.clusterIP ?? '';
  const isExternal = spec.type === 'ExternalName';
  if (
    !isExternal &&
    ip !== 'None' &&
    addressProblem(ip) === undefined &&
    offsetOf(ip) === undefined &&
    !hasOther(object, context)
  ) {
    const detail = `failed to allocate IP ${ip}: the provided network does not match the current range`;
    causes.push(cause.invalid('spec.clusterIPs', spec.clusterIPs ?? [ip], detail));
  }
  if (ip !== '' && ip !== 'None' && rest.some((other) => other.clusterIP === ip)) {
    causes.push(
      cause.invalid('spec.clusterIPs', [ip], `failed to allocate IP ${ip}: provided IP is already allocated`),
    );
  }
  (spec.ports ?? []).forEach((port, index) => {
    if (
      port.nodePort === undefined ||
      !rest.some((other) => (other.ports ?? []).some((item) => item.nodePort === port.nodePort))
    )
      return;
    causes.push(cause.invalid(`spec.ports[${index}].nodePort`, port.nodePort, 'provided port is already allocated'));
  });
  return causes;
}

/** True for a service that keeps an address already: a change of it is refused as such. */
function hasOther({ metadata: { namespace, name } }: AnyObject, { store }: StrategyContext): boolean {
  const old = store.collection('core/services').get(`${namespace ?? ''}/${name}`)?.object;
  return old !== undefined && (specOf(old).clusterIP ?? '') !== '';
}

/** Strategy of services. */
export const service: Strategy = {
  names: 'label1035',
  defaults: applyDefaults,
  prepareCreate(object, context) {
    allocate(object, context);
    object['status'] = { loadBalancer: {} };
  },
  prepareUpdate(object, old, context) {
    keepAllocated(object, old);
    allocate(object, context);
  },
  validate,
  validateStored: validateAllocation,
  validateUpdate(object, old) {
    const [after, before] = [specOf(object), specOf(old)];
    const free = (spec: ServiceSpec): boolean => spec.type === 'ExternalName' || (spec.clusterIP ?? '') === '';
    if (free(after) || free(before) || jsonEqual(after.clusterIPs, before.clusterIPs)) return [];
    return [cause.invalid('spec.clusterIPs[0]', after.clusterIPs, 'may not change once set')];
  },
  fields: (object) => ({ 'spec.clusterIP': specOf(object).clusterIP ?? '', 'spec.type': specOf(object).type ?? '' }),
};
