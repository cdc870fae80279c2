/** The CRDs of a chart's crds/ folder by the policy of the spec. Source: helm-controller internal/action/crds.go. */

import type { AnyObject } from '@towpath/api';
import { jsonEqual, messageOf } from '@towpath/kit';
import { isAlreadyExists } from '@towpath/runtime';
import type { ActionContext } from '../actions/context.ts';
import { buildObjects, keyOfObject, type ReleaseObject } from '../actions/objects.ts';
import { threeWayJsonMergePatch } from '../actions/patch.ts';
import { enabledCrds } from '../actions/render.ts';
import { applyServerSide } from '../actions/send.ts';
import { waitUntilReady } from '../actions/wait.ts';
import { releaseError } from '../errors.ts';
import { helmGroup, type CrdsPolicy } from './helm-release.ts';
import { namespaceOf } from './settings.ts';
import { forgetCapabilities, releaseNameOf, type Work } from './work.ts';

const establishTimeoutMs = 60_000;

/** Creates what is missing and, with `CreateReplace`, brings what is there to the chart's; waits until it is served. */
export async function applyCrds(
  context: ActionContext,
  work: Work,
  { policy, serverSide }: { policy: CrdsPolicy; serverSide: boolean },
): Promise<void> {
  const { chart } = work;
  if (policy === 'Skip' || chart.crds.length === 0) return;
  const files = await enabledCrds(context, {
    chart,
    values: work.values.values,
    release: {
      name: releaseNameOf(work),
      namespace: context.namespace,
      revision: 1,
      isInstall: true,
      isUpgrade: false,
    },
    lookup: false,
    skipSchemaValidation: true,
    subchartNotes: false,
  });
  const written: ReleaseObject[] = [];
  for (const file of files) {
    try {
      for (const item of await buildObjects(file.text, context)) {
        if (item.type.kind !== 'CustomResourceDefinition') continue;
        const labelled = withOrigin(item, work);
        if (await write(context, labelled, { policy, serverSide })) written.push(labelled);
      }
    } catch (error) {
      const message = `failed to apply CustomResourceDefinitions: failed to apply ${file.name}: ${messageOf(error)}`;
      throw releaseError('RELEASE_FAILED', message, { cause: error });
    }
  }
  if (written.length === 0) return;
  await waitUntilReady(context, written, { timeoutMs: establishTimeoutMs, waitForJobs: false });
  forgetCapabilities(context.client);
}

function withOrigin({ object, type }: ReleaseObject, { draft }: Work): ReleaseObject {
  const labels = {
    ...object.metadata.labels,
    [`${helmGroup}/name`]: draft.object.metadata.name,
    [`${helmGroup}/namespace`]: namespaceOf(draft.object),
  };
  return { type, object: { ...object, metadata: { ...object.metadata, labels } } };
}

/** True when something was sent. */
async function write(
  context: ActionContext,
  item: ReleaseObject,
  { policy, serverSide }: { policy: CrdsPolicy; serverSide: boolean },
): Promise<boolean> {
  const live = (await context.client.get(item.type, keyOfObject(item))) as AnyObject | undefined;
  if (live !== undefined && policy === 'Create') return false;
  if (serverSide) {
    await applyServerSide({ ...context, serverSide: { force: true } }, item, item.object);
    return true;
  }
  if (live === undefined) {
    try {
      await context.client.create(item.type, item.object);
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  }
  const patch = threeWayJsonMergePatch(item.object, item.object, live);
  if (jsonEqual(patch, {})) return false;
  await context.client.patch(item.type, keyOfObject(item), patch, { kind: 'merge' });
  return true;
}
