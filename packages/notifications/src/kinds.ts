/** Receiver of `notification.toolkit.fluxcd.io/v1`, the members this controller uses. */

import { createHash } from 'node:crypto';
import type { Condition, KubeObject, ResourceType } from '@towpath/api';

export interface ReceiverResource {
  readonly apiVersion?: string;
  readonly kind: string;
  /** `*` for all with `matchLabels`. */
  readonly name: string;
  readonly namespace?: string;
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** An expression in CEL. */
  readonly filter?: string;
}

export interface Receiver extends KubeObject {
  spec: {
    readonly type: string;
    /** A Go duration; 10m unless it says otherwise. */
    readonly interval?: string;
    /** All when there are none; case does not matter. */
    readonly events?: readonly string[];
    readonly resources: readonly ReceiverResource[];
    /** An expression in CEL. */
    readonly resourceFilter?: string;
    readonly secretRef?: { readonly name: string };
    readonly suspend?: boolean;
  };
  status?: ReceiverStatus;
}

export interface ReceiverStatus {
  observedGeneration?: number;
  lastHandledReconcileAt?: string;
  conditions?: Condition[];
  webhookPath?: string;
}

export const Receivers: ResourceType<Receiver> = {
  group: 'notification.toolkit.fluxcd.io',
  version: 'v1',
  kind: 'Receiver',
  plural: 'receivers',
  namespaced: true,
};

export const finalizer = 'finalizers.fluxcd.io';

/** Nobody who does not know the token can guess it. */
export function webhookPathOf(token: string, { metadata }: Receiver): string {
  const digest = createHash('sha256').update(`${token}${metadata.name}${metadata.namespace}`).digest('hex');
  return `/hook/${digest}`;
}
