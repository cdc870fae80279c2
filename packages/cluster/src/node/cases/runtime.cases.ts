/** The one suite of every runtime kind: a table of cases, each with the kinds that cannot do it and why. */

import { fileCases } from './files.cases.ts';
import { lifeCases } from './life.cases.ts';
import { networkCases } from './network.cases.ts';
import { probeCases } from './probes.cases.ts';
import type { RuntimeCase } from './case.ts';

export const runtimeCases: readonly RuntimeCase[] = [...lifeCases, ...fileCases, ...probeCases, ...networkCases];
