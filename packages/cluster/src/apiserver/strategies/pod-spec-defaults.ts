/** Defaults of pod specifications. Source: kubernetes pkg/apis/core/v1/defaults.go. */

import { getIn, isRecord } from '@towpath/kit';
import type { ContainerSpec, DownwardItem, PodSpecView, ProbeSpec, VolumeSpec } from './pod-spec-types.ts';

/** File mode 0644 of projected files. */
const fileMode = 0o644;
const tokenSeconds = 3600;

/** Fills what a pod template leaves out. */
export function defaultPodSpec(spec: PodSpecView): void {
  spec.restartPolicy ??= 'Always';
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.terminationGracePeriodSeconds ??= 30;
  // A negative period means the shortest one.
  if (spec.terminationGracePeriodSeconds < 0) spec.terminationGracePeriodSeconds = 1;
  spec.securityContext ??= {};
  spec.schedulerName ??= 'default-scheduler';
  // The old and the new name of the same member.
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount !== undefined) spec.serviceAccountName = spec.serviceAccount;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])])
    defaultContainer(container, spec);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

/** Defaults that only pods have, not templates. */
export function defaultPodOnly(spec: PodSpecView): void {
  spec.enableServiceLinks ??= true;
  for (const { resources } of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    for (const [name, quantity] of Object.entries(resources?.limits ?? {})) {
      if (resources === undefined) continue;
      resources.requests ??= {};
      resources.requests[name] ??= quantity;
    }
  }
}

function defaultContainer(container: ContainerSpec, spec: PodSpecView): void {
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.imagePullPolicy ??= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  for (const port of container.ports ?? []) {
    port.protocol ??= 'TCP';
    if (spec.hostNetwork === true) port.hostPort ??= port.containerPort;
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ??= 'v1';
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) defaultProbe(probe);
  }
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (hook !== undefined) defaultHandler(hook);
  }
}

function isLatest(image: string): boolean {
  if (image.includes('@')) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}

function defaultProbe(probe: ProbeSpec): void {
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  defaultHandler(probe);
}

function defaultHandler(handler: ProbeSpec): void {
  if (handler.httpGet !== undefined) {
    handler.httpGet.path ??= '/';
    handler.httpGet.scheme ??= 'HTTP';
  }
  if (handler.grpc !== undefined) handler.grpc.service ??= '';
}

function defaultVolume(volume: VolumeSpec): void {
  if (Object.keys(volume).length <= 1) volume.emptyDir = {};
  const { secret, configMap, downwardAPI, projected, hostPath } = volume;
  if (secret !== undefined) secret.defaultMode ??= fileMode;
  if (configMap !== undefined) configMap.defaultMode ??= fileMode;
  if (hostPath !== undefined) hostPath.type ??= '';
  defaultOtherVolume(volume);
  if (downwardAPI !== undefined) {
    downwardAPI.defaultMode ??= fileMode;
    defaultDownward(downwardAPI.items);
  }
  if (projected === undefined) return;
  projected.defaultMode ??= fileMode;
  for (const source of projected.sources ?? []) {
    if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= tokenSeconds;
    defaultDownward(source.downwardAPI?.items);
  }
}

function defaultOtherVolume({ iscsi, ephemeral }: VolumeSpec): void {
  if (isRecord(iscsi)) iscsi['iscsiInterface'] ??= 'default';
  const claim = getIn(ephemeral, ['volumeClaimTemplate', 'spec']);
  if (isRecord(claim)) claim['volumeMode'] ??= 'Filesystem';
}

function defaultDownward(items: readonly DownwardItem[] | undefined): void {
  for (const item of items ?? []) if (item.fieldRef !== undefined) item.fieldRef.apiVersion ??= 'v1';
}
