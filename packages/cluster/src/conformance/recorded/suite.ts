/** The suite `recorded`: a script of requests whose answers were recorded from a real kube-apiserver. */

import type { Suite } from '../suite.ts';

/** Compares with the recordings. */
export const recorded: Suite = {
  name: 'recorded',
  summary: 'a request script, answers compared with those of a real kube-apiserver 1.34',
  run: (_args, print) => {
    print('not written yet');
    return Promise.resolve(1);
  },
};
