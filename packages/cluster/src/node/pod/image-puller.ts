/** The image of one container: pulled by policy, tried again with back-off, told in the kubelet's events. */

import { backoffMs, messageOf } from '@towpath/kit';
import { parseImageReference } from '@towpath/registry';
import { identityOf, specOf, type CoreContainer } from '../core.ts';
import { StartError } from '../errors.ts';
import { authsOfSecret, type RegistryAuth } from '../images/auths.ts';
import { pullMessage, pullPolicyOf, type LocalImage } from '../images/image-store.ts';
import type { PodContext } from './node-context.ts';

/** Source: Kubernetes pkg/kubelet, image back-off 10 s doubling to 5 min. */
const backoff = { firstMs: 10_000, maxMs: 300_000 } as const;

export interface PullContext {
  readonly context: PodContext;
  readonly container: CoreContainer;
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  /** Shows why the container waits. */
  readonly waiting: (reason: string, message: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves with the image; rejects only when `signal` is aborted. */
export async function pullUntilThere(pull: PullContext): Promise<LocalImage> {
  const { context, container, event, waiting, signal } = pull;
  const reference = container.image ?? '';
  const policy = pullPolicyOf(reference, container.imagePullPolicy);
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      return await pullOnce(pull, reference, policy);
    } catch (error) {
      signal.throwIfAborted();
      const never = error instanceof StartError;
      const reason = never ? error.reason : 'ErrImagePull';
      const message = never ? error.message : pullMessage(reference, error);
      if (!never) event('Warning', 'Failed', `Failed to pull image "${reference}": ${message}`);
      event('Warning', 'Failed', `Error: ${reason}`);
      waiting(reason, message);
      await context.clock.sleep(never ? backoff.firstMs : 1_000, signal);
      if (!never) {
        event('Normal', 'BackOff', `Back-off pulling image "${reference}"`);
        event('Warning', 'Failed', 'Error: ImagePullBackOff');
        waiting('ImagePullBackOff', `Back-off pulling image "${reference}": ErrImagePull: ${message}`);
        await arrivalOrDelay(pull, backoffMs(failures, backoff) - 1_000);
      }
    }
  }
}

/** A tag that is pushed meanwhile ends the wait. */
async function arrivalOrDelay(pull: PullContext, forMs: number): Promise<void> {
  const { context, container, signal } = pull;
  const early = new AbortController();
  const unsubscribe = context.onImageArrival(container.image ?? '', () => early.abort());
  try {
    await context.clock.sleep(forMs, AbortSignal.any([signal, early.signal]));
  } catch (error) {
    if (signal.aborted) throw error;
  } finally {
    unsubscribe();
  }
}

async function pullOnce(
  pull: PullContext,
  reference: string,
  policy: ReturnType<typeof pullPolicyOf>,
): Promise<LocalImage> {
  const { context, event, signal } = pull;
  const { clock, images } = context;
  checkName(pull, reference);
  const startedAtMs = clock.monotonicMs();
  let told = false;
  const tell = (): void => {
    told = true;
    event('Normal', 'Pulling', `Pulling image "${reference}"`);
  };
  try {
    const auths = await pullAuths(pull);
    const { image, present } = await images.ensure(reference, policy, { signal, onPull: tell, auths });
    if (present) {
      event('Normal', 'Pulled', `Container image "${reference}" already present on machine`);
    } else {
      const took = duration(clock.monotonicMs() - startedAtMs);
      const text = `in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`;
      event('Normal', 'Pulled', `Successfully pulled image "${reference}" ${text}`);
    }
    return image;
  } catch (error) {
    if (!told && policy === 'Never') {
      event('Warning', 'ErrImageNeverPull', messageOf(error));
      throw new StartError('ErrImageNeverPull', messageOf(error), { cause: error });
    }

    throw error;
  }
}

/** A name that is none is told once, and nobody is asked for it. */
function checkName({ event }: PullContext, reference: string): void {
  try {
    parseImageReference(reference);
  } catch (error) {
    const parsed = `couldn't parse image name "${reference}": invalid reference format (${messageOf(error)})`;
    const message = `Failed to apply default image tag "${reference}": ${parsed}`;
    event('Warning', 'InspectFailed', message);
    throw new StartError('InvalidImageName', message, { cause: error });
  }
}

/** The pod's pull secrets; missing ones are told, and the pull is tried without them. */
async function pullAuths({ context }: PullContext): Promise<RegistryAuth[]> {
  const pod = context.pod();
  const { namespace } = identityOf(pod);
  const auths: RegistryAuth[] = [];
  const missing: string[] = [];
  for (const { name } of specOf(pod).imagePullSecrets ?? []) {
    if (name === undefined || name === '') continue;
    const secret = await context.config.secret({ namespace, name });
    if (secret === undefined) missing.push(name);
    else auths.push(...authsOfSecret(secret));
  }
  if (missing.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
    context.event(pod, { type: 'Warning', reason: 'FailedToRetrieveImagePullSecret', message });
  }
  return auths;
}

/** A duration as Go prints it, to the millisecond: `812ms`, `1.204s`. */
function duration(ms: number): string {
  const rounded = Math.max(1, Math.round(ms));
  return rounded < 1000 ? `${rounded}ms` : `${rounded / 1000}s`;
}
