/** What a decision of the scheduler is made from. */

import type { Pod } from '@towpath/api';
import type { Node } from '../controllers/types.ts';

export interface NodeState {
  readonly node: Node;
  /** Pods bound to the node, those just bound by us included. */
  readonly pods: readonly Pod[];
}

export interface SchedulingView {
  readonly states: readonly NodeState[];
  readonly namespaceLabels: (namespace: string) => Record<string, string> | undefined;
}
