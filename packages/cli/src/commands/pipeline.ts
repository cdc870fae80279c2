/** `towpath pipeline run|list|logs`: the runs of .gitlab-ci.yml. */

import { Command } from '@commander-js/extra-typings';
import {
  Pipelines,
  Pods,
  Repositories,
  resourcePath,
  towpathNamespace,
  type Pipeline,
  type Repository,
} from '@towpath/api';
import { TowpathError, type Clock } from '@towpath/kit';
import {
  isPipelineFinished,
  jobAnnotation,
  newPipeline,
  nextIid,
  pipelineLabel,
  repositoryLabel,
} from '@towpath/pipeline';
import { apiErrorFrom, isAlreadyExists, type Client } from '@towpath/runtime';
import type { CliContext } from '../context.ts';

export function pipelineCommand(context: CliContext): Command {
  const command = new Command('pipeline')
    .description('runs of .gitlab-ci.yml: start, list, read their logs')
    .addHelpText(
      'after',
      '\nExamples:\n  towpath pipeline list\n  towpath pipeline logs acme-shop-3 frontend --follow',
    );
  command.addCommand(runCommand(context));
  command.addCommand(listCommand(context));
  command.addCommand(logsCommand(context));
  return command as unknown as Command;
}

function withApi(command: Command) {
  return command
    .option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, then the running Towpath)')
    .option('--context <name>', 'context of the kubeconfig');
}

function runCommand(context: CliContext): Command {
  const command = withApi(new Command('run').description('run all jobs of a branch or tag now'))
    .argument('[repository]', 'name of the Repository; may be left out when there is one')
    .option('--ref <name>', 'branch or tag; default: the default branch')
    .option('--wait', 'wait for the end; exit code 1 when a job failed')
    .action(async (name, flags) => {
      const { client } = await context.client(flags);
      const repository = await repositoryOf(client, name);
      const { ref, commit } = refOf(repository, flags.ref);
      const created = await createRun(client, { repository, ref, commit });
      context.stdout(`pipeline ${created.metadata.name} created for ${ref} (${commit.slice(0, 8)})\n`);
      if (flags.wait !== true) return;
      const ended = await waitForEnd(client, {
        name: created.metadata.name,
        clock: context.clock,
        signal: context.signal,
      });
      context.stdout(`${ended.status?.phase ?? ''}: ${ended.status?.message ?? ''}\n`);
      if (ended.status?.phase === 'Failed') context.exitCode(1);
    });
  return command as unknown as Command;
}

function listCommand(context: CliContext): Command {
  const command = withApi(new Command('list').alias('ls').description('the pipelines, newest first'))
    .option('--repository <name>', 'only those of one Repository')
    .option('-o, --output <format>', 'json')
    .action(async (flags) => {
      const { client } = await context.client(flags);
      const labelSelector = flags.repository === undefined ? undefined : `${repositoryLabel}=${flags.repository}`;
      const { items } = await client.list(Pipelines, { namespace: towpathNamespace, labelSelector });
      const newest = items.toSorted(
        (left, right) => createdAt(right) - createdAt(left) || right.spec.iid - left.spec.iid,
      );
      if (flags.output === 'json') context.stdout(`${JSON.stringify(newest, undefined, 2)}\n`);
      else if (flags.output !== undefined)
        throw new TowpathError('USAGE', `unknown output ${flags.output}`, { next: 'use json' });
      else context.stdout(table(newest.map(rowOf)));
    });
  return command as unknown as Command;
}

function logsCommand(context: CliContext): Command {
  const command = withApi(new Command('logs').description("what a pipeline's jobs wrote"))
    .argument('<pipeline>', 'name of the Pipeline')
    .argument('[job]', 'only this job')
    .option('-f, --follow', 'keep printing new lines of the one job')
    .action(async (name, job, flags) => {
      const { client } = await context.client(flags);
      const pipeline = await client.get(Pipelines, { namespace: towpathNamespace, name });
      if (pipeline === undefined) throw notFound(`the pipeline ${name}`, 'list them with: towpath pipeline list');
      const jobs = (pipeline.status?.jobs ?? []).filter((entry) => job === undefined || entry.name === job);
      if (job !== undefined && jobs.length === 0)
        throw notFound(`the job ${job} of ${name}`, `see: towpath pipeline logs ${name}`);
      if (jobs.length === 0) context.stdout(`${name}: ${pipeline.status?.message ?? 'no job has started yet'}\n`);
      for (const entry of jobs) {
        if (job === undefined)
          context.stdout(
            `==> ${entry.name} (${entry.phase}${entry.message === undefined ? '' : `: ${entry.message}`})\n`,
          );
        await printLogs(context, client, {
          pipeline: name,
          job: entry.name,
          follow: flags.follow === true && job !== undefined,
        });
      }
    });
  return command as unknown as Command;
}

async function printLogs(
  context: CliContext,
  client: Client,
  options: { pipeline: string; job: string; follow: boolean },
): Promise<void> {
  const labelSelector = `${pipelineLabel}=${options.pipeline}`;
  const pods = (await client.list(Pods, { namespace: towpathNamespace, labelSelector })).items
    .filter((pod) => pod.metadata.annotations?.[jobAnnotation] === options.job)
    .toSorted((left, right) => createdAt(left) - createdAt(right));
  for (const pod of pods) {
    const response = await client.request({
      method: 'GET',
      path: resourcePath(Pods, { namespace: towpathNamespace, name: pod.metadata.name, subresource: 'log' }),
      query: { follow: options.follow ? 'true' : undefined },
      headers: { accept: '*/*' },
      signal: context.signal,
    });
    if (response.status >= 400) throw apiErrorFrom(response.status, await response.text());
    for await (const chunk of response.chunks()) context.stdout(chunk);
  }
}

async function repositoryOf(client: Client, name: string | undefined): Promise<Repository> {
  const { items } = await client.list(Repositories, { namespace: towpathNamespace });
  const path = (repository: Repository): string => new URL(repository.spec.url).pathname.slice(1).replace(/\.git$/, '');
  const found = name === undefined ? items : items.filter((item) => item.metadata.name === name || path(item) === name);
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const names = items.map((item) => item.metadata.name).join(', ');
  if (name !== undefined)
    throw notFound(`the repository ${name}`, names === '' ? 'push one first' : `choose from: ${names}`);
  throw new TowpathError('USAGE', only === undefined ? 'there is no repository' : 'there are several repositories', {
    next: only === undefined ? 'push one first' : `choose from: ${names}`,
  });
}

function refOf(repository: Repository, wanted: string | undefined): { ref: string; commit: string } {
  const { branches = {}, tags = {}, defaultBranch = '' } = repository.status ?? {};
  const name = (wanted ?? defaultBranch).replace(/^refs\/(heads|tags)\//, '');
  const branch = branches[name];
  if (branch !== undefined) return { ref: `refs/heads/${name}`, commit: branch };
  const tag = tags[name];
  if (tag !== undefined) return { ref: `refs/tags/${name}`, commit: tag };
  throw notFound(`the branch or tag ${name} of ${repository.metadata.name}`, 'check the name with: git ls-remote');
}

/** Another pipeline may take the number at the same moment: then the next one is tried. */
async function createRun(
  client: Client,
  options: { repository: Repository; ref: string; commit: string },
): Promise<Pipeline> {
  const labelSelector = `${repositoryLabel}=${options.repository.metadata.name}`;
  for (let attempt = 1; ; attempt++) {
    const { items } = await client.list(Pipelines, { namespace: towpathNamespace, labelSelector });
    const iid = await nextIid(client, Math.max(0, ...items.map((item) => item.spec.iid)));
    try {
      return await client.create(Pipelines, newPipeline({ ...options, before: '0'.repeat(40), iid, source: 'web' }));
    } catch (error) {
      if (!isAlreadyExists(error) || attempt >= 5) throw error;
    }
  }
}

async function waitForEnd(
  client: Client,
  options: { name: string; clock: Clock; signal: AbortSignal },
): Promise<Pipeline> {
  for (;;) {
    const pipeline = await client.get(Pipelines, { namespace: towpathNamespace, name: options.name });
    if (pipeline === undefined) throw notFound(`the pipeline ${options.name}`, 'it was deleted');
    if (isPipelineFinished(pipeline.status?.phase)) return pipeline;
    await options.clock.sleep(500, options.signal);
  }
}

function rowOf(pipeline: Pipeline): string[] {
  const { spec, status, metadata } = pipeline;
  const jobs = status?.jobs ?? [];
  const finished = jobs.filter((job) => isPipelineFinished(job.phase)).length;
  return [
    metadata.name,
    spec.ref.replace(/^refs\/(heads|tags)\//, ''),
    spec.commit.slice(0, 8),
    status?.phase ?? 'Pending',
    jobs.length === 0 ? '' : `${finished}/${jobs.length}`,
    status?.imageTag ?? '',
    status?.message ?? '',
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const all = [['NAME', 'REF', 'COMMIT', 'PHASE', 'JOBS', 'TAG', 'MESSAGE'], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)) + 3);
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

function createdAt(object: { metadata: { creationTimestamp?: string } }): number {
  return Date.parse(object.metadata.creationTimestamp ?? '') || 0;
}

function notFound(what: string, next: string): Error {
  return new TowpathError('NOT_FOUND', `${what} was not found`, { next });
}
