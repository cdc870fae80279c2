/** The strategies of the built-in collections. */

import { customResourceDefinition } from './custom-resource-definition.ts';
import type { Strategy } from './strategy.ts';

const none: Strategy = {};

const strategies: Readonly<Record<string, Strategy>> = {
  'apiextensions.k8s.io/customresourcedefinitions': customResourceDefinition,
};

/** What is special about a collection. */
export function strategyFor(collection: string): Strategy {
  return strategies[collection] ?? none;
}
