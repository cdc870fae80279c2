/** `--kube-version` and `--api-versions`: what templates see in .Capabilities without a cluster. */

import { defaultCapabilities, type Capabilities } from '@towpath/charts';
import { flagError } from './pflag.ts';

/** The defaults, with the version and the further API versions that are named. Throws helm's sentence. */
export function namedCapabilities(kubeVersion: string | undefined, apiVersions: readonly string[]): Capabilities {
  return {
    kubeVersion:
      kubeVersion === undefined || kubeVersion === '' ? defaultCapabilities.kubeVersion : parseKubeVersion(kubeVersion),
    apiVersions: [...defaultCapabilities.apiVersions, ...apiVersions],
  };
}

/** `1.30.1-gke.3` is `v1.30.1`. Source: helm 3 pkg/chartutil/capabilities.go; apimachinery util/version, ParseGeneric. */
export function parseKubeVersion(text: string): string {
  const fail = (why: string): never => {
    throw flagError(`invalid kube version '${text}': ${why}`);
  };
  const quoted = JSON.stringify(text);
  const numbers = /^\s*v?(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? fail(`could not parse ${quoted} as version`);
  const parts = numbers.split('.');
  const [major = ''] = parts;
  if (parts.length < 2) return fail(`illegal version string ${quoted}`);
  if (/^0./.test(major)) return fail(`illegal zero-prefixed version component "${major}" in ${quoted}`);
  return `v${parts.map(Number).join('.')}`;
}
