/** A command's connection to the cluster. */

import { messageOf, TowpathError } from '@towpath/kit';
import { ApiError } from '@towpath/runtime';
import { createReleaseStorage, type ActionContext } from '@towpath/releases';
import type { CliContext } from '../../context.ts';
import { helmEnvironment } from './environment.ts';
import type { ClusterFlags } from './flags.ts';

/** What the actions work with. `allNamespaces` reads releases everywhere. */
export async function openSession(
  context: CliContext,
  flags: ClusterFlags,
  options: { allNamespaces?: boolean } = {},
): Promise<ActionContext> {
  const environment = helmEnvironment(context);
  const target = {
    kubeconfig: flags.kubeconfig,
    context: flags.kubeContext ?? environment.kubeContext,
    fieldManager: 'helm',
  };
  const { client, namespace: contextNamespace } = await context.client(target);
  const namespace = flags.namespace ?? environment.namespace ?? contextNamespace;
  const { clock, random, signal } = context;
  const debug = flags.debug === true || environment.debug;
  return {
    client,
    clock,
    random,
    signal,
    namespace,
    storage: createReleaseStorage({
      client,
      clock,
      namespace: options.allNamespaces === true ? undefined : namespace,
    }),
    progress: (line) => {
      if (debug) context.stderr(`[debug] ${line.trimEnd()}\n`);
      else if (line.startsWith('WARNING:')) context.stderr(`${line}\n`);
    },
    hookOutput: (text) => context.stdout(text),
  };
}

/** Runs `work`; what it throws begins with `what`, as helm's errors do. */
export async function failingAs<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TowpathError) {
      if (error.code === 'USAGE') throw error;
      throw new TowpathError(error.code, `${what}: ${error.message}`, {
        cause: error,
        ...(error.next !== undefined && { next: error.next }),
      });
    }
    if (error instanceof ApiError)
      throw new TowpathError('RELEASE_FAILED', `${what}: ${messageOf(error)}`, { cause: error });
    throw error;
  }
}
