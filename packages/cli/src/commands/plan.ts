/** `towpath plan`: what a commit changes before it is merged. */

import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { createGit } from '@towpath/git';
import { codeOf, systemTime, TowpathError } from '@towpath/kit';
import {
  deployedRevision,
  exitCodeOf,
  openClone,
  ownUrl,
  planChanges,
  planMarkdown,
  planText,
  postComment,
  postTarget,
  readOnlyTransport,
  stateAt,
  workTree,
  type Clone,
  type Deployed,
  type PlanReport,
  type PlanState,
} from '@towpath/plan';
import { Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';
import { metricsQuery } from './metrics-query.ts';

interface PlanFlags {
  readonly base?: string | undefined;
  readonly path: readonly string[];
  readonly offline?: true | undefined;
  readonly prometheus?: string | undefined;
  readonly output?: string | undefined;
  readonly post?: true | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

export function planCommand(context: CliContext): Command {
  const command = new Command('plan')
    .description('show what a commit changes in the cluster before it is merged, and which canaries it starts')
    .argument('[rev-or-path]', 'a revision, or a folder of the work tree (default: the work tree)')
    .option('--base <rev>', 'compare with this revision (default: what is deployed, else where the branch began)')
    .option('--path <folder>', 'only manifests below it; repeatable (default: what flux synchronises)', append, [])
    .option('--offline', 'ask no cluster')
    .option('--prometheus <url>', 'ask this Prometheus who calls the canaries (default: that of the running Towpath)')
    .option('-o, --output <format>', 'text, json or markdown', 'text')
    .option('--post', 'put the plan into the merge request of this CI job as one comment')
    .option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, then the running Towpath)')
    .option('--context <name>', 'context of the kubeconfig')
    .addHelpText('after', examples)
    .action((operand, flags) => run(context, operand, flags));
  return command as unknown as Command;
}

const examples = `
Only reads and dry runs are sent to the cluster. Exit code: 0 nothing changes, 3 something does, 1 it cannot be applied.

Examples:
  towpath plan                                # the work tree against what is deployed
  towpath plan HEAD --base origin/main        # what a merge would change
  towpath plan deploy/releases                # only this folder
  towpath plan --offline --output markdown    # without a cluster, for a comment
  towpath plan HEAD --post                    # in a job of a merge request (GITLAB_TOKEN, GITHUB_TOKEN or GITEA_TOKEN)
`;

async function run(context: CliContext, operand: string | undefined, flags: PlanFlags): Promise<void> {
  const { output = 'text' } = flags;
  if (!['text', 'json', 'markdown'].includes(output)) {
    throw new TowpathError('USAGE', `--output ${output} is unknown`, { next: 'write text, json or markdown' });
  }
  const clone = await openClone(createGit({ clock: context.clock }), context.cwd);
  const client = flags.offline === true ? undefined : await readOnlyClient(context, flags);
  const deployed: Deployed =
    flags.base === undefined ? await deployedRevision(clone, client) : { revision: flags.base, because: '--base' };
  const head = await headState(context, clone, operand);
  const report = await planChanges({
    base: await stateAt(clone, deployed.revision, deployed.because),
    head: head.state,
    paths: chosenPaths(flags, head.folder, deployed),
    // A folder that is named is read as it is.
    live: flags.path.length > 0 || (head.folder ?? '') !== '' ? [] : deployed.live,
    isOwn: ownUrl(clone),
    client,
    query: client === undefined ? undefined : await metricsQuery(context, flags.prometheus),
    time: systemTime,
  });
  print(context, report, output);
  if (flags.post === true) {
    const target = postTarget(context.env);
    const done = await postComment(target, planMarkdown(report), { fetch, signal: context.signal });
    context.stderr(`${done} the comment on ${target.forge}\n`);
  }
  context.exitCode(exitCodeOf(report));
}

/** Undefined when there is no cluster; one that is named and does not answer is an error. */
async function readOnlyClient(context: CliContext, flags: PlanFlags): Promise<Client | undefined> {
  try {
    const { client } = await context.client({ kubeconfig: flags.kubeconfig, context: flags.context });
    return new Client({ transport: readOnlyTransport(client.transport), fieldManager: client.fieldManager });
  } catch (error) {
    if (codeOf(error) !== 'KUBECONFIG_MISSING') throw error;
    return undefined;
  }
}

async function headState(
  context: CliContext,
  clone: Clone,
  operand: string | undefined,
): Promise<{ state: PlanState; folder: string | undefined }> {
  if (operand === undefined) return { state: await workTree(clone), folder: undefined };
  const full = resolve(context.cwd, operand);
  const folder = relative(clone.root, full).replaceAll('\\', '/');
  if (existsSync(full) && !folder.startsWith('..')) return { state: await workTree(clone), folder };
  return { state: await stateAt(clone, operand, operand), folder: undefined };
}

function chosenPaths(flags: PlanFlags, folder: string | undefined, deployed: Deployed): readonly string[] {
  if (folder !== undefined && folder !== '') return [folder];
  if (flags.path.length > 0) return flags.path.map((path) => path.replace(/^\.\/|\/+$/g, ''));
  return (deployed.paths ?? []).map((path) => path.replace(/^\.\/|\/+$/g, ''));
}

function print(context: CliContext, report: PlanReport, output: string): void {
  if (output === 'json') context.stdout(`${JSON.stringify(report, undefined, 2)}\n`);
  else if (output === 'markdown') context.stdout(planMarkdown(report));
  else {
    const colours = context.isTerminal && (context.env['NO_COLOR'] ?? '') === '';
    context.stdout(planText(report, { colours }));
  }
}

function append(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}
