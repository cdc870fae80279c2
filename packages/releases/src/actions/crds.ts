/** CRDs of a chart's crds/ folder: created once, never changed or deleted. */

import { messageOf } from '@towpath/kit';
import { isAlreadyExists } from '@towpath/runtime';
import { releaseError } from '../errors.ts';
import type { ActionContext } from './context.ts';
import { buildObjects, type ReleaseObject } from './objects.ts';
import { waitUntilReady } from './wait.ts';

const establishTimeoutMs = 60_000;

export interface CrdFile {
  readonly name: string;
  readonly text: string;
}

/** Creates the ones that are missing, in order, and waits until they are established. */
export async function installCrds(context: ActionContext, files: readonly CrdFile[]): Promise<void> {
  const created: ReleaseObject[] = [];
  for (const file of files) {
    try {
      for (const item of await buildObjects(file.text, context)) {
        if (await createOnce(context, item)) created.push(item);
      }
    } catch (error) {
      throw releaseError('RELEASE_FAILED', `failed to install CRD ${file.name}: ${messageOf(error)}`, { cause: error });
    }
  }
  if (created.length === 0) return;
  await waitUntilReady(context, created, { timeoutMs: establishTimeoutMs, waitForJobs: false });
  context.progress('Clearing discovery cache');
  context.client.invalidate();
}

async function createOnce(context: ActionContext, item: ReleaseObject): Promise<boolean> {
  try {
    await context.client.create(item.type, item.object);
    return true;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    context.progress(`CRD ${item.object.metadata.name} is already present. Skipping.`);
    return false;
  }
}
