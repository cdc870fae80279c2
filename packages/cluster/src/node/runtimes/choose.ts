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
  /** Of `processes`, before `://` in container ids. */
  scheme: string;
  /** What host shell containers get of the host's environment. */
  hostEnv: Readonly<Record<string, string>>;
}): (image: string) => ChosenRuntime {
  const hostLines = Object.entries(kinds.hostEnv).map(([name, value]) => `${name}=${value}`);
  return (image) => {
    if (builtinName(image) !== undefined) return { kind: kinds.builtin, scheme: 'builtin', needsImage: false, env: [] };
    const bare = image.replace(/(:[^/:]+)?(@.*)?$/, '');
    if (bare === hostShellImage) {
      return { kind: kinds.hostShell, scheme: 'host', needsImage: false, env: hostLines };
    }
    return { kind: kinds.processes, scheme: kinds.scheme, needsImage: true, env: [] };
  };
}
