/** namespaces/finalize: the namespace controller says that its part is done. */

import { getIn, isRecord } from '@towpath/kit';
import type { ApiContext, Target } from '../handlers/context.ts';
import { checkKind, decodeBody } from '../handlers/decode.ts';
import { writeOptionsOf, writtenResponse } from '../handlers/dispatch.ts';
import type { ApiResponse } from '../http/message.ts';
import { updateObject } from '../handlers/write.ts';

/** Answers PUT: takes over `spec.finalizers` and nothing else. */
export async function finalizeNamespace(context: ApiContext, target: Target): Promise<ApiResponse> {
  const options = writeOptionsOf(target);
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types);
  checkKind(body, target.resource);
  const finalizers = getIn(body, ['spec', 'finalizers']);
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
  const { resourceVersion, uid } = metadata;
  const produce = (current: Parameters<Parameters<typeof updateObject>[2]>[0]): Record<string, unknown> => ({
    ...current,
    metadata: {
      ...current.metadata,
      resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
      ...(typeof uid === 'string' ? { uid } : {}),
    },
    spec: Array.isArray(finalizers) && finalizers.length > 0 ? { finalizers } : {},
  });
  const written = await updateObject(context, target, produce, options);
  return writtenResponse(context, target, written, options.warnings);
}
