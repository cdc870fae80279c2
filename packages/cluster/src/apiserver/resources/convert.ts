/** Objects at another version of their group. */

import type { AnyObject } from '@towpath/api';
import { convertEvent } from './convert-event.ts';
import { convertAutoscaler } from './convert-autoscaler.ts';

/** `object` at `apiVersion`; the same object when it is there already. Custom resources only change their label. */
export function convert(object: AnyObject, apiVersion: string): AnyObject {
  if (object.apiVersion === apiVersion) return object;
  if (object.kind === 'Event') return convertEvent(object, apiVersion);
  if (object.kind === 'HorizontalPodAutoscaler') return convertAutoscaler(object, apiVersion);
  return { ...object, apiVersion };
}
