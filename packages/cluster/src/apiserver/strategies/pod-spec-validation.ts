/** Validation of pod specifications: what a real server refuses most often, in its words. */

import { cause, type StatusCause } from '../http/status.ts';
import { labelProblem } from '../names.ts';
import {
  validateEnvSources,
  validateOtherResources,
  validatePodWide,
  validateSecurity,
  validateVolumeSource,
} from './pod-member-validation.ts';
import { validateScheduling } from './pod-scheduling-validation.ts';
import type { ContainerSpec, PodSpecView, ProbeSpec } from './pod-spec-types.ts';
import { quantityValue } from '../schema/quantity.ts';

/** Volume sources in the order of the API. */
const firstSources = ['emptyDir', 'hostPath'];

/** The causes for which a specification at `path` is refused; `claims` names volumes that are there when it runs. */
export function validatePodSpec(spec: PodSpecView, path: string, claims: readonly string[] = []): StatusCause[] {
  const causes: StatusCause[] = [];
  const containers = spec.containers ?? [];
  if (containers.length === 0) causes.push(cause.required(`${path}.containers`));
  const volumes = new Set([...validateVolumes(spec, path, causes), ...claims]);
  const names = new Set<string>();
  const each = (list: readonly ContainerSpec[], at: string): void =>
    list.forEach((container, index) => {
      causes.push(...validateContainer(container, `${at}[${index}]`, { spec, volumes }));
      if (names.has(container.name)) causes.push(cause.duplicate(`${at}[${index}].name`, container.name));
      names.add(container.name);
    });
  each(containers, `${path}.containers`);
  each(spec.initContainers ?? [], `${path}.initContainers`);
  causes.push(...validateInit(spec, path), ...validateHostPorts(spec, path), ...validatePodWide(spec, path));
  causes.push(...validateScheduling(spec, path));
  const policies = ['Always', 'OnFailure', 'Never'];
  if (!policies.includes(spec.restartPolicy ?? '')) {
    causes.push(cause.notSupported(`${path}.restartPolicy`, spec.restartPolicy ?? '', policies, 'given'));
  }
  const dns = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
  if (!dns.includes(spec.dnsPolicy ?? ''))
    causes.push(cause.notSupported(`${path}.dnsPolicy`, spec.dnsPolicy ?? '', dns, 'given'));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const value = spec.terminationGracePeriodSeconds;
    causes.push(cause.invalid(`${path}.terminationGracePeriodSeconds`, value, 'must be greater than or equal to 0'));
  }
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) {
    causes.push(
      cause.invalid(
        `${path}.activeDeadlineSeconds`,
        spec.activeDeadlineSeconds,
        'must be between 1 and 2147483647, inclusive',
      ),
    );
  }
  return causes;
}

function validateVolumes(spec: PodSpecView, path: string, causes: StatusCause[]): ReadonlySet<string> {
  const names = new Set<string>();
  (spec.volumes ?? []).forEach((volume, index) => {
    const at = `${path}.volumes[${index}]`;
    if ((volume.name ?? '') === '') causes.push(cause.required(`${at}.name`));
    else {
      const problem = labelProblem(volume.name);
      if (problem !== undefined) causes.push(cause.invalid(`${at}.name`, volume.name, problem));
      if (names.has(volume.name)) causes.push(cause.duplicate(`${at}.name`, volume.name));
    }
    names.add(volume.name);
    const sources = Object.keys(volume).filter((name) => name !== 'name');
    // In the order of the API, not of the request.
    const ordered = sources.toSorted((left, right) => firstSources.indexOf(left) - firstSources.indexOf(right));
    for (const extra of ordered.slice(1))
      causes.push(cause.forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type'));
    if (volume.secret !== undefined && (volume.secret.secretName ?? '') === '')
      causes.push(cause.required(`${at}.secret.secretName`));
    if (volume.configMap !== undefined && (volume.configMap.name ?? '') === '')
      causes.push(cause.required(`${at}.configMap.name`));
    if (volume.hostPath !== undefined && (volume.hostPath.path ?? '') === '')
      causes.push(cause.required(`${at}.hostPath.path`));
    causes.push(...validateVolumeSource(volume, at));
  });
  return names;
}

function validateContainer(
  container: ContainerSpec,
  path: string,
  within: { spec: PodSpecView; volumes: ReadonlySet<string> },
): StatusCause[] {
  const { spec, volumes } = within;
  const causes: StatusCause[] = [];
  if ((container.name ?? '') === '') causes.push(cause.required(`${path}.name`));
  else {
    const problem = labelProblem(container.name);
    if (problem !== undefined) causes.push(cause.invalid(`${path}.name`, container.name, problem));
  }
  const { image = '' } = container;
  if (image === '') causes.push(cause.required(`${path}.image`));
  else if (image !== image.trim())
    causes.push(cause.invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  const pulls = ['Always', 'IfNotPresent', 'Never'];
  if (!pulls.includes(container.imagePullPolicy ?? '')) {
    causes.push(cause.notSupported(`${path}.imagePullPolicy`, container.imagePullPolicy ?? '', pulls));
  }
  causes.push(
    ...validatePorts(container, path),
    ...validateEnv(container, path),
    ...validateEnvSources(container, path),
    ...validateResources(container, path),
    ...validateOtherResources(container, path),
    ...validateSecurity(container, `${path}.securityContext`),
  );
  causes.push(...validateMounts(container, path, volumes));
  for (const name of ['postStart', 'preStop'] as const) {
    const hook = container.lifecycle?.[name];
    if (hook !== undefined) causes.push(...validateHandler(hook, `${path}.lifecycle.${name}`));
    if (hook?.sleep !== undefined) causes.push(...validateSleep(hook.sleep, `${path}.lifecycle.${name}.sleep`, spec));
  }
  const messages = ['File', 'FallbackToLogsOnError'];
  const { terminationMessagePolicy = 'File' } = container;
  if (!messages.includes(terminationMessagePolicy)) {
    const field = `${path}.terminationMessagePolicy`;
    causes.push(cause.notSupported(field, terminationMessagePolicy, messages, 'given'));
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (probe !== undefined) causes.push(...validateProbe(probe, `${path}.${name}`, name));
  }
  return causes;
}

function validatePorts(container: ContainerSpec, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = new Set<string>();
  (container.ports ?? []).forEach((port, index) => {
    const at = `${path}.ports[${index}]`;
    if (port.containerPort === 0 || port.containerPort === undefined)
      causes.push(cause.required(`${at}.containerPort`));
    else if (port.containerPort < 1 || port.containerPort > 65535) {
      causes.push(cause.invalid(`${at}.containerPort`, port.containerPort, 'must be between 1 and 65535, inclusive'));
    }
    if (!['TCP', 'UDP', 'SCTP'].includes(port.protocol ?? '')) {
      causes.push(cause.notSupported(`${at}.protocol`, port.protocol ?? '', ['SCTP', 'TCP', 'UDP']));
    }
    if (port.name === undefined) return;
    causes.push(...portNameProblems(port.name).map((problem) => cause.invalid(`${at}.name`, port.name, problem)));
    if (names.has(port.name)) causes.push(cause.duplicate(`${at}.name`, port.name));
    names.add(port.name);
  });
  return causes;
}

function validateEnv(container: ContainerSpec, path: string): StatusCause[] {
  return (container.env ?? []).flatMap((variable, index) => {
    const at = `${path}.env[${index}]`;
    if ((variable.name ?? '') === '') return [cause.required(`${at}.name`)];
    if (variable.name.includes('='))
      return [
        cause.invalid(
          `${at}.name`,
          variable.name,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      ];
    const both = variable.valueFrom !== undefined && (variable.value ?? '') !== '';
    return both ? [cause.invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty')] : [];
  });
}

function validateResources(container: ContainerSpec, path: string): StatusCause[] {
  const { limits = {}, requests = {} } = container.resources ?? {};
  return Object.entries(requests).flatMap(([name, quantity]) => {
    const limit = limits[name];
    if (quantityValue(quantity) < 0)
      return [cause.invalid(`${path}.resources.requests[${name}]`, quantity, 'must be greater than or equal to 0')];
    if (limit === undefined || quantityValue(quantity) <= quantityValue(limit)) return [];
    return [
      cause.invalid(`${path}.resources.requests`, quantity, `must be less than or equal to ${name} limit of ${limit}`),
    ];
  });
}

function validateMounts(container: ContainerSpec, path: string, volumes: ReadonlySet<string>): StatusCause[] {
  const causes: StatusCause[] = [];
  const paths = new Set<string>();
  (container.volumeMounts ?? []).forEach((mount, index) => {
    const at = `${path}.volumeMounts[${index}]`;
    if ((mount.name ?? '') === '') causes.push(cause.required(`${at}.name`));
    else if (!volumes.has(mount.name)) causes.push(cause.notFound(`${at}.name`, mount.name));
    if ((mount.mountPath ?? '') === '') causes.push(cause.required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath))
      causes.push(cause.invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    if ((mount.subPath ?? '').split('/').includes('..'))
      causes.push(cause.invalid(`${path}.volumeMounts.subPath`, mount.subPath, "must not contain '..'"));
    paths.add(mount.mountPath);
  });
  return causes;
}

function validateProbe(probe: ProbeSpec, path: string, kind: string): StatusCause[] {
  const causes = validateHandler(probe, path);
  if (kind !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1) {
    causes.push(cause.invalid(`${path}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  for (const name of ['timeoutSeconds', 'periodSeconds', 'failureThreshold', 'initialDelaySeconds'] as const) {
    if ((probe[name] ?? 0) < 0)
      causes.push(cause.invalid(`${path}.${name}`, probe[name], 'must be greater than or equal to 0'));
  }
  return causes;
}

/** What a probe or a hook does. */
function validateHandler(probe: ProbeSpec, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const handlers = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter(
    (name) => probe[name] !== undefined,
  );
  if (handlers.length === 0) causes.push(cause.required(path, 'must specify a handler type'));
  for (const extra of handlers.slice(1))
    causes.push(cause.forbidden(`${path}.${extra}`, 'may not specify more than 1 handler type'));
  const { httpGet, tcpSocket } = probe;
  if (httpGet !== undefined) {
    causes.push(...validateProbePort(httpGet.port, `${path}.httpGet.port`));
    const schemes = ['HTTP', 'HTTPS'];
    if (!schemes.includes(httpGet.scheme ?? 'HTTP'))
      causes.push(cause.notSupported(`${path}.httpGet.scheme`, httpGet.scheme, schemes));
  }
  if (tcpSocket !== undefined) causes.push(...validateProbePort(tcpSocket.port, `${path}.tcpSocket.port`));
  if (probe.exec !== undefined && (probe.exec.command ?? []).length === 0)
    causes.push(cause.required(`${path}.exec.command`));
  return causes;
}

function validateSleep(sleep: { seconds?: number }, path: string, spec: PodSpecView): StatusCause[] {
  const { seconds = 0 } = sleep;
  const grace = spec.terminationGracePeriodSeconds;
  if (grace === undefined || (seconds >= 0 && seconds <= grace)) return [];
  const problem = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [cause.invalid(path, seconds, problem)];
}

/** What is wrong with the name of a port. Source: RFC 6335. */
export function portNameProblems(name: string): string[] {
  const problems: string[] = [];
  if (name.length > 15) problems.push('must be no more than 15 characters');
  if (!/^[a-z0-9-]+$/.test(name))
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  else if (!/[a-z]/.test(name)) problems.push('must contain at least one letter (a-z)');
  else if (name.startsWith('-') || name.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems;
}

function validateProbePort(port: number | string | undefined, path: string): StatusCause[] {
  if (typeof port === 'string') return portNameProblems(port).map((problem) => cause.invalid(path, port, problem));
  const value = port ?? 0;
  return value >= 1 && value <= 65535 ? [] : [cause.invalid(path, value, 'must be between 1 and 65535, inclusive')];
}

/** Init containers end before the pod is ready, so they have no probes unless they stay. */
function validateInit(spec: PodSpecView, path: string): StatusCause[] {
  return (spec.initContainers ?? []).flatMap((container, index) => {
    if (container.restartPolicy === 'Always') return [];
    const members = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;
    return members
      .filter((name) => container[name] !== undefined)
      .map((name) => {
        const detail = 'may not be set for init containers without restartPolicy=Always';
        return cause.forbidden(`${path}.initContainers[${index}].${name}`, detail);
      });
  });
}

function validateHostPorts(spec: PodSpecView, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const taken = new Set<string>();
  (spec.containers ?? []).forEach((container, index) =>
    (container.ports ?? []).forEach((port, number) => {
      const at = `${path}.containers[${index}].ports[${number}].hostPort`;
      if ((port.hostPort ?? 0) === 0) return;
      if (spec.hostNetwork === true && port.hostPort !== port.containerPort) {
        causes.push(cause.invalid(at, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'));
      }
      const key = `${port.protocol ?? 'TCP'}//${port.hostPort ?? 0}`;
      if (taken.has(key)) causes.push(cause.duplicate(at, key));
      taken.add(key);
    }),
  );
  return causes;
}
