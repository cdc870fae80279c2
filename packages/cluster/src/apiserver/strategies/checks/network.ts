/** Validation of services, endpoints, ingresses and network policies. Source: pkg/apis/core/validation, pkg/apis/networking/validation. */

import { cause, type StatusCause } from '../../http/status.ts';
import { addressProblem, qualifiedNameProblem, subdomainProblem } from '../../names.ts';
import { portNameProblems } from '../pod-spec-validation.ts';
import { at, listAt, oneOf, textAt, type Check } from './rules.ts';

function addresses(values: unknown, field: (index: number) => string): StatusCause[] {
  return (Array.isArray(values) ? values : []).flatMap((value: unknown, index) => {
    const problem = addressProblem(String(value));
    return problem === undefined ? [] : [cause.invalid(field(index), value, problem)];
  });
}

const service: Check = (object) => {
  const type = textAt(object, 'spec.type');
  if (type === 'ExternalName') return [];
  const isExternal = type === 'NodePort' || type === 'LoadBalancer';
  const causes: StatusCause[] = [];
  for (const [index, port] of listAt(object, 'spec.ports').entries()) {
    causes.push(...targetPort(port['targetPort'], `spec.ports[${index}].targetPort`));
    if (!isExternal && Number(port['nodePort'] ?? 0) !== 0) {
      causes.push(cause.forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
  }
  const selector = at(object, 'spec.selector') ?? {};
  for (const key of Object.keys(selector)) {
    const problem = qualifiedNameProblem(key);
    if (problem !== undefined) causes.push(cause.invalid('spec.selector', key, problem));
  }
  causes.push(...oneOf(object, 'spec.sessionAffinity', ['ClientIP', 'None']));
  causes.push(...addresses(at(object, 'spec.externalIPs'), (index) => `spec.externalIPs[${index}]`));
  if (isExternal && at(object, 'spec.clusterIP') === 'None') {
    causes.push(cause.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  }
  causes.push(...families(object));
  if (type !== 'LoadBalancer' && at(object, 'spec.loadBalancerClass') !== undefined) {
    causes.push(cause.forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
  }
  const policy = at(object, 'spec.externalTrafficPolicy');
  const hasExternalIp = Array.isArray(at(object, 'spec.externalIPs'));
  if (policy !== undefined && !isExternal && !hasExternalIp) {
    const detail = 'may only be set for externally-accessible services';
    causes.push(cause.invalid('spec.externalTrafficPolicy', policy, detail));
  }
  return [...causes, ...oneOf(object, 'spec.internalTrafficPolicy', ['Cluster', 'Local'])];
};

/** The cluster has one family, IPv4. */
function families(object: unknown): StatusCause[] {
  const causes: StatusCause[] = [];
  const known = ['IPv4', 'IPv6'];
  const asked = at(object, 'spec.ipFamilies');
  for (const [index, family] of (Array.isArray(asked) ? asked : []).entries()) {
    const field = `spec.ipFamilies[${index}]`;
    if (!known.includes(String(family))) causes.push(cause.notSupported(field, family, known));
  }
  const hasSelector = at(object, 'spec.selector') !== undefined;
  const isHeadless = at(object, 'spec.clusterIP') === 'None';
  if (at(object, 'spec.ipFamilyPolicy') === 'RequireDualStack' && (hasSelector || !isHeadless)) {
    const detail = 'this cluster is not configured for dual-stack services';
    causes.push(cause.invalid('spec.ipFamilyPolicy', 'RequireDualStack', detail));
  }
  return causes;
}

function targetPort(value: unknown, field: string): StatusCause[] {
  if (typeof value === 'string') return portNameProblems(value).map((problem) => cause.invalid(field, value, problem));
  const port = Number(value ?? 1);
  return port >= 1 && port <= 65_535 ? [] : [cause.invalid(field, port, 'must be between 1 and 65535, inclusive')];
}

const endpoints: Check = (object) =>
  listAt(object, 'subsets').flatMap((subset, index) => {
    const field = `subsets[${index}]`;
    const causes: StatusCause[] = [];
    const listed = [...listAt(subset, 'addresses'), ...listAt(subset, 'notReadyAddresses')];
    if (listed.length === 0) causes.push(cause.required(field, 'must specify `addresses` or `notReadyAddresses`'));
    for (const name of ['addresses', 'notReadyAddresses']) {
      for (const [number, address] of listAt(subset, name).entries()) {
        causes.push(...endpointAddress(textAt(address, 'ip'), `${field}.${name}[${number}].ip`));
      }
    }
    for (const [number, port] of listAt(subset, 'ports').entries()) {
      causes.push(...targetPort(port['port'] ?? 0, `${field}.ports[${number}].port`));
    }
    return causes;
  });

function endpointAddress(ip: string, field: string): StatusCause[] {
  const problem = addressProblem(ip);
  if (problem !== undefined) return [cause.invalid(field, ip, problem)];
  const loopback = 'may not be in the loopback range (127.0.0.0/8, ::1/128)';
  return ip.startsWith('127.') || ip === '::1' ? [cause.invalid(field, ip, loopback)] : [];
}

const endpointSlice: Check = (object) => {
  const isFqdn = textAt(object, 'addressType') === 'FQDN';
  return listAt(object, 'endpoints').flatMap((endpoint, index) => {
    const field = `endpoints[${index}].addresses`;
    const listed = endpoint['addresses'];
    if (!Array.isArray(listed) || listed.length === 0) {
      return [cause.required(field, 'must contain at least 1 address')];
    }
    return isFqdn ? [] : addresses(listed, (number) => `${field}[${number}]`);
  });
};

const ingress: Check = (object) =>
  listAt(object, 'spec.rules').flatMap((rule, index) => {
    const field = `spec.rules[${index}]`;
    const causes: StatusCause[] = [];
    const host = textAt(rule, 'host');
    const problem = subdomainProblem(host.replace(/^\*\./, ''));
    if (host !== '' && problem !== undefined) causes.push(cause.invalid(`${field}.host`, host, problem));
    for (const [number, path] of listAt(rule, 'http.paths').entries()) {
      const where = `${field}.http.paths[${number}]`;
      const isPlain = path['pathType'] === 'Exact' || path['pathType'] === 'Prefix';
      if (isPlain && !textAt(path, 'path').startsWith('/')) {
        causes.push(cause.invalid(`${where}.path`, textAt(path, 'path'), 'must be an absolute path'));
      }
      const port = at(path, 'backend.service.port');
      const hasPort = textAt(port, 'name') !== '' || Number(at(port, 'number') ?? 0) > 0;
      if (at(path, 'backend.service') !== undefined && !hasPort) {
        causes.push(cause.required(`${where}.backend`, 'port name or number is required'));
      }
    }
    return causes;
  });

const networkPolicy: Check = (object) => {
  const causes: StatusCause[] = [];
  for (const [list, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [index, rule] of listAt(object, `spec.${list}`).entries()) {
      for (const [number, peer] of listAt(rule, peers).entries()) {
        if (Object.keys(peer).length > 0) continue;
        causes.push(cause.required(`spec.${list}[${index}].${peers}[${number}]`, 'must specify a peer'));
      }
    }
  }
  const types = at(object, 'spec.policyTypes');
  for (const [index, type] of (Array.isArray(types) ? types : []).entries()) {
    const known = ['Ingress', 'Egress'];
    if (known.includes(String(type))) continue;
    causes.push(cause.notSupported(`spec.policyTypes[${index}]`, type, known, 'given'));
  }
  return causes;
};

/** By collection. */
export const networkChecks: Readonly<Record<string, Check>> = {
  'core/services': service,
  'core/endpoints': endpoints,
  'discovery.k8s.io/endpointslices': endpointSlice,
  'networking.k8s.io/ingresses': ingress,
  'networking.k8s.io/networkpolicies': networkPolicy,
};
