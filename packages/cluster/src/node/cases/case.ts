/** One case of the suite of runtime kinds. */

import type { KindName, World } from './world.ts';

export interface RuntimeCase {
  readonly name: string;
  /** Kinds that cannot, with the reason. */
  readonly cannot?: Readonly<Partial<Record<KindName, string>>>;
  run(world: World): Promise<void>;
}

/** `cannot` of a case that is about builtins. */
export const forBuiltins = {
  namespaces: 'for builtins',
  'network namespaces': 'for builtins',
  plain: 'for builtins',
  container: 'for builtins',
} as const;
