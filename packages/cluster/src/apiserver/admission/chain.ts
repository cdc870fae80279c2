/** The admission steps of every write, in order: built-in changes, mutating webhooks, then validating ones. */

import type { Admission, ApiContext } from '../handlers/context.ts';
import { applyLimitDefaults, checkLimits } from '../quota/limits.ts';
import { admitPod, protectNamespaces } from './pods.ts';
import type { Webhooks } from './webhooks.ts';

export interface AdmissionOptions {
  /** Asked for at each request, because it is made together with the chain. */
  readonly context: () => ApiContext;
  readonly webhooks: Webhooks;
  /** Pods get a service account and its token. */
  readonly serviceAccounts: boolean;
}

/** Creates the chain. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { context, webhooks, serviceAccounts } = options;
  return {
    async mutate(request) {
      await admitPod(context(), request, { serviceAccounts });
      applyLimitDefaults(context().objects, request);
      return webhooks.mutate(request);
    },
    async validate(request) {
      protectNamespaces(request);
      checkLimits(context().objects, request);
      return webhooks.validate(request);
    },
  };
}
