/** The renders that a chart is compared with. */

import { isRecord, type UnknownRecord } from '@towpath/kit';
import type { Chart } from '../chart/types.ts';

/** One render: flags of `helm template`. */
export interface Variant {
  readonly label: string;
  /** Path of a values file. */
  readonly valuesFile?: string;
  readonly set?: string;
  readonly includeCrds?: boolean;
  readonly isUpgrade?: boolean;
  readonly kubeVersion: string;
  readonly apiVersions?: readonly string[];
}

/** Both engines are told the same Kubernetes version. */
const kubeVersion = 'v1.34.0';

/** The defaults and each of the given values files. */
export function plainVariants(valuesFiles: readonly string[]): Variant[] {
  const files = valuesFiles.map((valuesFile) => ({ label: valuesFile.replace(/^.*\//, ''), valuesFile, kubeVersion }));
  return [{ label: 'defaults', kubeVersion }, ...files];
}

/** Renders that the authors did not think of: CRDs, an upgrade, an old cluster, and up to `switches` values turned over. */
export function wideVariants(chart: Chart, switches: number): Variant[] {
  const apiVersions = ['monitoring.coreos.com/v1', 'policy/v1beta1', 'cert-manager.io/v1', 'autoscaling.k8s.io/v1'];
  const turned = turnedValues(chart.values);
  const step = Math.max(1, turned.length / Math.max(1, switches));
  const chosen = turned.filter((_set, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
  const sets = turned.length === 0 ? [] : [turned.join(','), ...chosen.slice(0, switches)];
  return [
    ...(chart.crds.length > 0 ? [{ label: '--include-crds', includeCrds: true, kubeVersion }] : []),
    { label: '--is-upgrade --api-versions', isUpgrade: true, apiVersions, kubeVersion },
    { label: '--kube-version v1.20.4', kubeVersion: 'v1.20.4' },
    ...sets.map((set, index) => ({ label: index === 0 ? 'all switches' : `--set ${set}`, set, kubeVersion })),
  ];
}

/** Every boolean of the defaults, the other way round, as `--set` takes it. */
function turnedValues(values: UnknownRecord, above = ''): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const path = `${above}${key.replaceAll(/[\\.,=[\]]/g, '\\$&')}`;
    if (typeof value === 'boolean') return [`${path}=${String(!value)}`];
    return isRecord(value) ? turnedValues(value, `${path}.`) : [];
  });
}

/** The flags for the real Helm. */
export function helmFlags(variant: Variant): string[] {
  return [
    '--kube-version',
    variant.kubeVersion,
    ...(variant.valuesFile === undefined ? [] : ['-f', variant.valuesFile]),
    ...(variant.set === undefined ? [] : ['--set', variant.set]),
    ...(variant.includeCrds === true ? ['--include-crds'] : []),
    ...(variant.isUpgrade === true ? ['--is-upgrade'] : []),
    ...(variant.apiVersions ?? []).flatMap((version) => ['--api-versions', version]),
  ];
}
