/** Validation of the rarer members of containers and volumes, in the words of the real server. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import { cause, type StatusCause } from '../http/status.ts';
import { qualifiedNameProblem, subdomainProblem } from '../names.ts';
import { quantityValue } from '../schema/quantity.ts';
import type { ContainerSpec, PodSpecView, VolumeSpec } from './pod-spec-types.ts';

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const maxMode = 0o777;

/** What is wrong with the source of a volume at `path`. */
export function validateVolumeSource(volume: VolumeSpec, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const name of ['secret', 'configMap', 'downwardAPI', 'projected'] as const) {
    const source = volume[name];
    if (source === undefined) continue;
    const mode = source.defaultMode ?? 0;
    if (mode < 0 || mode > maxMode) {
      const detail = 'must be a number between 0 and 0777 (octal), both inclusive';
      causes.push(cause.invalid(`${path}.${name}.defaultMode`, mode, detail));
    }
    causes.push(...validateItems(source, `${path}.${name}`));
  }
  const { hostPath, persistentVolumeClaim: claim } = volume;
  if (hostPath !== undefined && !hostPathTypes.includes(hostPath.type ?? '')) {
    causes.push(cause.notSupported(`${path}.hostPath.type`, hostPath.type, hostPathTypes));
  }
  if (isRecord(claim) && (claim['claimName'] ?? '') === '') {
    causes.push(cause.required(`${path}.persistentVolumeClaim.claimName`));
  }
  return causes;
}

function validateItems(source: object, path: string): StatusCause[] {
  const items: unknown = 'items' in source ? source.items : [];
  return (Array.isArray(items) ? items.filter(isRecord) : []).flatMap((item, index) => {
    const at = `${path}.items[${index}].path`;
    const value = String(item['path'] ?? '');
    if (value === '') return [cause.required(at)];
    return value.split('/').includes('..') ? [cause.invalid(at, value, "must not contain '..'")] : [];
  });
}

const standardResources = ['cpu', 'memory', 'ephemeral-storage', 'storage'];

/** What is wrong with the resources of a container that are not the standard ones. */
export function validateOtherResources(container: ContainerSpec, path: string): StatusCause[] {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const causes: StatusCause[] = [];
  for (const [part, amounts] of Object.entries({ limits, requests })) {
    for (const [name, quantity] of Object.entries(amounts)) {
      if (standardResources.includes(name) || name.startsWith('hugepages-')) continue;
      const field = `${path}.resources.${part}[${name}]`;
      if (!name.includes('/')) {
        causes.push(cause.invalid(field, name, 'must be a standard resource type or fully qualified'));
        causes.push(cause.invalid(field, name, 'must be a standard resource for containers'));
      } else if (!Number.isInteger(quantityValue(quantity))) {
        causes.push(cause.invalid(field, quantity, 'must be an integer'));
      }
    }
  }
  const unlimited = Object.keys(requests).some((name) => name.includes('/') && limits[name] === undefined);
  if (unlimited) {
    causes.push(cause.required(`${path}.resources.limits`, 'Limit must be set for non overcommitable resources'));
  }
  return causes;
}

const fieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const subscripted = /^metadata\.(?:labels|annotations)\['[^']+'\]$/;

/** What is wrong with where the variables of a container come from. */
export function validateEnvSources(container: ContainerSpec, path: string): StatusCause[] {
  const causes = (container.env ?? []).flatMap((variable, index) => {
    const source: unknown = variable.valueFrom;
    return isRecord(source) ? validateEnvSource(source, `${path}.env[${index}].valueFrom`) : [];
  });
  for (const source of container.envFrom ?? []) {
    if (source['configMapRef'] === undefined && source['secretRef'] === undefined) {
      causes.push(cause.invalid(`${path}.envFrom`, '', 'must specify one of: `configMapRef` or `secretRef`'));
    }
  }
  return causes;
}

function validateEnvSource(source: UnknownRecord, path: string): StatusCause[] {
  if (Object.keys(source).length === 0) {
    const detail = 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`';
    return [cause.invalid(path, '', detail)];
  }
  const causes: StatusCause[] = [];
  const { fieldRef } = source;
  if (isRecord(fieldRef)) {
    const at = String(fieldRef['fieldPath'] ?? '');
    if (!fieldPaths.includes(at) && !subscripted.test(at)) {
      const detail = `error converting fieldPath: field label not supported: ${at}`;
      causes.push(cause.invalid(`${path}.fieldRef.fieldPath`, at, detail));
    }
  }
  for (const name of ['configMapKeyRef', 'secretKeyRef']) {
    const reference = source[name];
    if (!isRecord(reference)) continue;
    const problem = subdomainProblem(String(reference['name'] ?? ''));
    if (problem !== undefined) causes.push(cause.invalid(`${path}.${name}.name`, reference['name'] ?? '', problem));
    if ((reference['key'] ?? '') === '') causes.push(cause.required(`${path}.${name}.key`));
  }
  return causes;
}

const maxUserId = 2 ** 31 - 1;

/** What is wrong with the security context of a container. */
export function validateSecurity(container: ContainerSpec, path: string): StatusCause[] {
  const context = container.securityContext;
  if (context === undefined) return [];
  const causes: StatusCause[] = [];
  for (const name of ['runAsUser', 'runAsGroup']) {
    const id = Number(context[name] ?? 0);
    if (id < 0 || id > maxUserId) {
      causes.push(cause.invalid(`${path}.${name}`, id, `must be between 0 and ${maxUserId}, inclusive`));
    }
  }
  if (context['allowPrivilegeEscalation'] === false && context['privileged'] === true) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
    causes.push(cause.invalid(path, internalContext(context), detail));
  }
  return causes;
}

/** The context as the real server prints it: its internal members in their order. */
function internalContext(context: UnknownRecord): UnknownRecord {
  const names = ['Capabilities', 'Privileged', 'SELinuxOptions', 'WindowsOptions', 'RunAsUser', 'RunAsGroup'];
  names.push('RunAsNonRoot', 'ReadOnlyRootFilesystem', 'AllowPrivilegeEscalation', 'ProcMount', 'SeccompProfile');
  names.push('AppArmorProfile');
  const lower = new Map(Object.entries(context).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(names.map((name) => [name, lower.get(name.toLowerCase()) ?? null]));
}

const sysctlPattern = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

/** What is wrong with members of the pod that concern all its containers. */
export function validatePodWide(spec: PodSpecView, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (spec.dnsPolicy === 'None' && spec.dnsConfig === undefined) {
    causes.push(cause.required(`${path}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None'));
  }
  if (spec.hostPID === true && spec.shareProcessNamespace === true) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    causes.push(cause.invalid(`${path}.securityContext.shareProcessNamespace`, true, detail));
  }
  const { sysctls, fsGroupChangePolicy } = (spec.securityContext ?? {}) as UnknownRecord;
  for (const [index, sysctl] of (Array.isArray(sysctls) ? sysctls.filter(isRecord) : []).entries()) {
    const name = String(sysctl['name'] ?? '');
    if (sysctlPattern.test(name)) continue;
    const rule = String.raw`([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;
    const detail = `must have at most 253 characters and match regex ^${rule}`;
    causes.push(cause.invalid(`${path}.securityContext.sysctls[${index}].name`, name, detail));
  }
  const policies = ['Always', 'OnRootMismatch'];
  if (fsGroupChangePolicy !== undefined && !policies.includes(String(fsGroupChangePolicy))) {
    causes.push(cause.notSupported(`${path}.securityContext.fsGroupChangePolicy`, fsGroupChangePolicy, policies));
  }
  if (spec.os !== undefined && !['linux', 'windows'].includes(spec.os.name ?? '')) {
    causes.push(cause.notSupported(`${path}.os`, spec.os.name ?? '', ['linux', 'windows']));
  }
  for (const [index, gate] of (spec.schedulingGates ?? []).entries()) {
    const problem = qualifiedNameProblem(gate.name ?? '');
    if (problem !== undefined) causes.push(cause.invalid(`${path}.schedulingGates[${index}]`, gate.name, problem));
  }
  return causes;
}
