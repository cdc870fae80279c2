/** Why a store is refused or fails. Nothing in a folder is changed by a refusal. */

import { TowpathError } from '@towpath/kit';

/** The folder is in use by another process. */
export function storeLocked(dir: string): TowpathError {
  return new TowpathError('STORE_LOCKED', `the store ${dir} is in use by another Towpath`, {
    next: 'stop the other one, or choose another data folder',
  });
}

/** The folder holds something else. */
export function storeForeign(dir: string, why: string): TowpathError {
  return new TowpathError('STORE_FOREIGN', `${dir} is not a Towpath store: ${why}`, {
    next: 'choose another data folder',
  });
}

/** The folder was written by a later release. */
export function storeNewer(dir: string, version: number, known: number): TowpathError {
  const message = `the store ${dir} has format ${version}, this Towpath reads up to ${known}`;
  return new TowpathError('STORE_NEWER', message, { next: 'use the newer Towpath, or choose another data folder' });
}

/** The folder is a store, but damaged. */
export function storeCorrupt(dir: string, why: string, cause?: unknown): TowpathError {
  return new TowpathError('STORE_CORRUPT', `the store ${dir} is damaged: ${why}`, {
    next: 'restore a backup, or move the folder away to start empty',
    cause,
  });
}

/** The disk did not take a batch: it is full, or broken. */
export function storeWriteFailed(why: string, cause: unknown): TowpathError {
  return new TowpathError('STORE_WRITE_FAILED', `the store cannot write: ${why}`, {
    next: 'free disk space, then start Towpath again; nothing that was acknowledged is lost',
    cause,
  });
}
