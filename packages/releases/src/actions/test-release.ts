/** Runs a release's test hooks. */

import { notFound } from '../storage/secrets.ts';
import type { Release, ReleaseHook } from '../storage/release.ts';
import type { ActionContext } from './context.ts';
import { hooksOf, podLogs, runHooks } from './hooks.ts';

export interface TestOptions {
  readonly name: string;
  readonly timeoutMs: number;
  /** Only hooks with these names; all when empty. */
  readonly only: readonly string[];
  readonly except: readonly string[];
}

export interface TestResult {
  readonly release: Release;
  /** Why a test failed; undefined when all passed. */
  readonly failure: unknown;
}

/** Runs the chosen tests one after another; the outcome is stored on the release. */
export async function testRelease(context: ActionContext, options: TestOptions): Promise<TestResult> {
  const release = await context.storage.last(options.name);
  if (release === undefined) throw notFound(options.name, context.namespace);
  const chosen = release.hooks.filter((hook) => isChosen(hook, options));
  const skipped = release.hooks.filter((hook) => !isChosen(hook, options));
  release.hooks = chosen;
  let failure: unknown;
  try {
    const sending = release.apply_method === 'ssa' ? { ...context, serverSide: { force: false } } : context;
    await runHooks(sending, release, 'test', options.timeoutMs);
  } catch (error) {
    failure = error;
  }
  release.hooks = [...skipped, ...release.hooks];
  await context.storage.update(release);
  return { release, failure };
}

function isChosen(hook: ReleaseHook, options: TestOptions): boolean {
  if (options.except.includes(hook.name)) return false;
  return options.only.length === 0 || options.only.includes(hook.name);
}

/** The logs of the tests that ran, by hook. */
export async function testLogs(
  context: ActionContext,
  release: Release,
  options: TestOptions,
): Promise<{ name: string; log: string }[]> {
  const logs: { name: string; log: string }[] = [];
  for (const hook of hooksOf(release, 'test').filter((entry) => isChosen(entry, options))) {
    logs.push({ name: hook.name, log: await podLogs(context, { namespace: context.namespace, pod: hook.name }) });
  }
  return logs;
}
