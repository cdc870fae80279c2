/** Requests for subresources and for kinds that are not stored. */

import type { Authenticator } from '../auth/authenticate.ts';
import type { Authorizer } from '../auth/rbac.ts';
import type { ServiceAccountTokens } from '../auth/service-account-tokens.ts';
import type { ApiContext, Target } from '../handlers/context.ts';
import type { ApiResponse } from '../http/message.ts';
import { badRequest } from '../http/status.ts';
import type { PodStreams } from '../pod-streams.ts';
import { metricsGroup } from '../resources/metrics-resources.ts';
import { finalizeNamespace } from './finalize.ts';
import { answerMetrics } from './metrics.ts';
import { bindPod, evictPod } from './pod-actions.ts';
import { podLog } from './pod-log.ts';
import { answerReview, isReview } from './reviews.ts';
import { handleScale } from './scale.ts';
import { requestToken } from './token-request.ts';

export interface SubresourceDeps {
  readonly authorizer: Authorizer;
  readonly authenticator: Authenticator;
  readonly tokens: ServiceAccountTokens;
  readonly podStreams: PodStreams | undefined;
}

/** The answer, or undefined when the request is one for a stored object or its status. */
export function answerSpecial(
  context: ApiContext,
  target: Target,
  verb: string,
  deps: SubresourceDeps,
): Promise<ApiResponse> | ApiResponse | undefined {
  const { resource, subresource } = target;
  if (isReview(resource.kind) && resource.group !== '') return answerReview(context, target, deps);
  if (resource.group === metricsGroup) return answerMetrics(context, target, verb, deps.podStreams);
  if (resource.kind === 'Binding') return bindPod(context, target);
  switch (subresource) {
    case 'scale':
      return handleScale(context, target, verb);
    case 'binding':
      return bindPod(context, target);
    case 'eviction':
      return evictPod(context, target);
    case 'log':
      return podLog(context, target, deps.podStreams);
    case 'finalize':
      return finalizeNamespace(context, target);
    case 'token':
      return requestToken(context, target, deps.tokens);
    case 'exec':
    case 'attach':
    case 'portforward':
      throw badRequest('Upgrade request required');
    default:
      return undefined;
  }
}
