/** The strategies of the built-in collections. */

import type { Strategy } from './strategy.ts';

const none: Strategy = {};

const strategies: Readonly<Record<string, Strategy>> = {};

/** What is special about a collection. */
export function strategyFor(collection: string): Strategy {
  return strategies[collection] ?? none;
}
