/** The Helm clients of the walk: ours, then the real one where it is on PATH. */

import { findProgram } from '../walk.mjs';

export function helmClients(walk) {
  const ours = (...args) => walk.towpath('helm', ...args);
  const real = findProgram('helm', walk.env.PATH);
  return real === undefined ? [ours] : [ours, (...args) => walk.must(real, args)];
}
