/** Every command, loaded only when it runs. */

import type { CliContext } from './context.ts';

/** A command of any argument and option types. */
export interface AnyCommand {
  exitOverride(): unknown;
  readonly commands: readonly unknown[];
}

export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<(context: CliContext) => AnyCommand>;
}

export const commandTable: readonly CommandEntry[] = [
  { name: 'up', load: async () => (await import('./commands/up.ts')).upCommand },
  { name: 'get', load: async () => (await import('./commands/get.ts')).getCommand },
  { name: 'describe', load: async () => (await import('./commands/describe.ts')).describeCommand },
  { name: 'logs', load: async () => (await import('./commands/logs.ts')).logsCommand },
  { name: 'events', load: async () => (await import('./commands/events.ts')).eventsCommand },
  { name: 'plan', load: async () => (await import('./commands/plan.ts')).planCommand },
  { name: 'explain', load: async () => (await import('./commands/explain.ts')).explainCommand },
  { name: 'init', load: async () => (await import('./commands/init.ts')).initCommand },
  { name: 'apply', load: async () => (await import('./commands/apply.ts')).applyCommand },
  { name: 'delete', load: async () => (await import('./commands/apply.ts')).deleteCommand },
  { name: 'run', load: async () => (await import('./commands/run.ts')).runCommand },
  { name: 'controller', load: async () => (await import('./commands/controller.ts')).controllerCommand },
  { name: 'node', load: async () => (await import('./commands/node.ts')).nodeCommand },
  { name: 'apiserver', load: async () => (await import('./commands/apiserver.ts')).apiserverCommand },
  { name: 'backup', load: async () => (await import('./commands/backup.ts')).backupCommand },
  { name: 'restore', load: async () => (await import('./commands/backup.ts')).restoreCommand },
  { name: 'registry', load: async () => (await import('./commands/parts.ts')).registryCommand },
  { name: 'git', load: async () => (await import('./commands/parts.ts')).gitCommand },
  { name: 'metrics', load: async () => (await import('./commands/parts.ts')).metricsCommand },
  { name: 'docker', load: async () => (await import('./commands/docker/index.ts')).dockerCommand },
  { name: 'pipeline', load: async () => (await import('./commands/pipeline.ts')).pipelineCommand },
  { name: 'sync', load: async () => (await import('./commands/sync.ts')).syncCommand },
  { name: 'identity', load: async () => (await import('./commands/identity.ts')).identityCommand },
  { name: 'helm', load: async () => (await import('./commands/helm/index.ts')).helmCommand },
  { name: 'template', load: async () => (await import('./commands/helm/template.ts')).templateCommand },
  { name: 'lint', load: async () => (await import('./commands/helm/lint.ts')).lintCommand },
  { name: 'show', load: async () => (await import('./commands/helm/show.ts')).showCommand },
  { name: 'package', load: async () => (await import('./commands/helm/package.ts')).packageCommand },
];
