/** Which flags of `template` cannot go together, and which failures helm gives a hint for. */

import { TowpathError } from '@towpath/kit';
import { dryRunOf } from '../flags.ts';
import { flagError } from '../pflag.ts';
import type { TemplateFlags } from './flags.ts';

/** Refuses combinations that would leave a flag without effect. */
export function refuseTogether(flags: TemplateFlags): void {
  const { explain, coverage, output, postRenderer, outputDir, dryRun, validate, lookup } = flags;
  const given: readonly (readonly [name: string, isGiven: boolean])[] = [
    ['--explain', explain !== undefined],
    ['--coverage', coverage === true],
    ['--output json', output === 'json'],
    ['--post-renderer', (postRenderer ?? '') !== ''],
    ['--output-dir', outputDir !== undefined],
    ['--lookup', lookup !== undefined && lookup.length > 0],
    ['--dry-run=server', dryRun !== undefined && clusterAnswers.has(dryRun)],
    ['--validate', validate === true],
  ];
  const isGiven = new Map(given);
  for (const [left, right, why] of conflicts) {
    if (isGiven.get(left) === true && isGiven.get(right) === true) {
      throw flagError(`${left} cannot be used with ${right}: ${why}`);
    }
  }
}

const conflicts: readonly (readonly [left: string, right: string, why: string])[] = [
  ['--explain', '--coverage', 'one is about a render, the other about several'],
  ['--explain', '--post-renderer', 'nothing is known about lines that another program wrote'],
  ['--explain', '--output-dir', 'lines are counted in the output as a whole'],
  ['--coverage', '--post-renderer', 'coverage prints no manifest'],
  ['--coverage', '--output-dir', 'coverage prints no manifest'],
  ['--coverage', '--validate', 'coverage renders without a cluster'],
  ['--coverage', '--dry-run=server', 'coverage renders without a cluster'],
  ['--output json', '--post-renderer', 'the result is data, not text'],
  ['--output json', '--output-dir', 'the result is printed'],
  ['--lookup', '--dry-run=server', 'lookup is answered by files or by the cluster'],
];

const clusterAnswers: ReadonlySet<unknown> = new Set(['server', 'none', 'false']);

/** True where `lookup` is answered by the cluster. Throws for a `--dry-run` that helm does not know. */
export function asksForObjects({ dryRun }: Pick<TemplateFlags, 'dryRun'>): boolean {
  const given = dryRun === '' ? undefined : dryRun;
  dryRunOf(given);
  return given !== undefined && clusterAnswers.has(given);
}

const renderCodes: ReadonlySet<string> = new Set([
  'RENDER_FAILED',
  'RENDER_LIMIT',
  'MANIFEST_INVALID',
  'POST_RENDER_FAILED',
]);

/** True for a failure after values and schema were accepted: helm then has something to show with --debug. */
export function isRenderFailure(error: unknown): boolean {
  if (!(error instanceof TowpathError)) return false;
  return renderCodes.has(error.code) || error.message.startsWith('chart requires kubeVersion');
}
