/** `--runtime`: how the containers of our nodes run. */

import { Option } from '@commander-js/extra-typings';

export type RuntimeName = 'process' | 'container';

/** Default `process`. */
export function runtimeOption() {
  return new Option('--runtime <kind>', 'how containers run: as processes, or with podman')
    .choices(['process', 'container'] as const)
    .default('process' as const);
}
