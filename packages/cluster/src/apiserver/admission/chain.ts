/** The admission steps of every write, in order: built-in changes, mutating webhooks, then validating ones. */

import type { Admission, ApiContext } from '../handlers/context.ts';
import { admitPod, protectNamespaces } from './pods.ts';
import type { Webhooks } from './webhooks.ts';

/** Creates the chain; `context` is asked for at each request because it is made together with the chain. */
export function createAdmission(context: () => ApiContext, webhooks: Webhooks): Admission {
  return {
    async mutate(request) {
      await admitPod(context(), request);
      return webhooks.mutate(request);
    },
    async validate(request) {
      protectNamespaces(request);
      return webhooks.validate(request);
    },
  };
}
