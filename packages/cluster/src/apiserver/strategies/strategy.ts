/** What is special about the objects of one built-in collection. */

import type { AnyObject } from '@towpath/api';
import type { Random } from '@towpath/kit';
import type { UserInfo } from '../http/message.ts';
import type { StatusCause } from '../http/status.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** What strategies may use besides the object itself. */
export interface StrategyContext {
  readonly store: ObjectStore;
  readonly random: Random;
  readonly nowMs: number;
  /** Who asks. */
  readonly user: UserInfo;
}

/**
 * All members are optional. Objects are given as the request's own copy and changed in place, in this order:
 * `defaults`, then `prepareCreate` or `prepareUpdate`, then the validations.
 */
export interface Strategy {
  /** Fills what the user left out; must not change what is set. */
  readonly defaults?: (object: AnyObject) => void;
  readonly prepareCreate?: (object: AnyObject, context: StrategyContext) => void;
  readonly prepareUpdate?: (object: AnyObject, old: AnyObject, context: StrategyContext) => void;
  readonly validate?: (object: AnyObject) => StatusCause[];
  /** Validation against other objects. */
  readonly validateStored?: (object: AnyObject, context: StrategyContext) => StatusCause[];
  readonly validateUpdate?: (object: AnyObject, old: AnyObject) => StatusCause[];
  /** A new object keeps the status it comes with. */
  readonly createsStatus?: boolean;
  /** `metadata.generation` counts changes of anything but metadata and status. */
  readonly generation?: boolean;
  /** Values of field selectors besides metadata.name and metadata.namespace. */
  readonly fields?: (object: AnyObject) => Readonly<Record<string, string>>;
  /** The seconds between a deletion and the end, 0 to end at once. */
  readonly graceSeconds?: (object: AnyObject, asked: number | undefined) => number;
  /** Added when a deletion begins. */
  readonly deleteFinalizers?: readonly string[];
  /** Object names are checked as: */
  readonly names?: 'subdomain' | 'label' | 'label1035' | 'path' | 'ip';
}
