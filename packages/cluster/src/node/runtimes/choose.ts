/** Which runtime kind a container's image is run with. */

import { hostShellImage } from '@towpath/api';
import type { ChosenRuntime } from '../pod/node-context.ts';
import { builtinName } from './builtin-runtime.ts';
import type { RuntimeKind } from './runtime.ts';

/** By reserved image names; every other image runs as processes. */
export function chooseRuntime(kinds: {
  builtin: RuntimeKind;
  hostShell: RuntimeKind;
  processes: RuntimeKind;
}): (image: string) => ChosenRuntime {
  return (image) => {
    if (builtinName(image) !== undefined) return { kind: kinds.builtin, scheme: 'builtin', needsImage: false };
    const bare = image.replace(/(:[^/:]+)?(@.*)?$/, '');
    if (bare === hostShellImage) return { kind: kinds.hostShell, scheme: 'host', needsImage: false };
    return { kind: kinds.processes, scheme: 'process', needsImage: true };
  };
}
