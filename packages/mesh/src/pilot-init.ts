/** istio-init as a builtin: the network captures traffic by itself, so that it only says so and ends. */

import type { Builtin } from '@towpath/api';

/** Ends at once, successfully. */
export function createPilotInit(): Builtin {
  return async ({ log }) => {
    log.info('nothing to redirect: the node hands the connections of this pod to its sidecar');
    return { done: Promise.resolve() };
  };
}
