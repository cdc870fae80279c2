/** The decisions that the real kube-scheduler was asked for (`npm run conformance -- cluster scheduler`). */

import { expect, test } from 'vitest';
import { chooseNode } from './fit.ts';
import { decisions } from './testing/decisions.ts';

test.each(decisions)('$name', ({ nodes, wanted, decides }) => {
  const namespaceLabels = (name: string): Record<string, string> => ({ 'kubernetes.io/metadata.name': name });

  const choice = chooseNode(wanted, { states: nodes, namespaceLabels });

  expect(choice.type === 'node' ? choice.name : choice.message).toBe(decides);
});
