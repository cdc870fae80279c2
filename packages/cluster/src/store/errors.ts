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
export function storeCorrupt(dir: string, why: string, details: { next?: string; cause?: unknown } = {}): TowpathError {
  const next = details.next ?? 'restore a backup, or move the folder away to start empty; nothing was changed';
  return new TowpathError('STORE_CORRUPT', `the store ${dir} is damaged: ${why}`, { next, cause: details.cause });
}

/** The system does not let the folder be read, or the disk cannot. */
export function storeUnreadable(dir: string, why: string, cause: unknown): TowpathError {
  return new TowpathError('STORE_UNREADABLE', `the store ${dir} cannot be read: ${why}`, {
    next: 'check its owner and permissions, and the disk; nothing was changed',
    cause,
  });
}

/** There is no space for a batch, which has not begun: the store goes on when there is. */
export function storeFull(dir: string, cause: unknown): TowpathError {
  return new TowpathError('STORE_FULL', `the disk of the store ${dir} is full`, {
    next: 'free disk space: reads go on, and writes do as soon as there is space',
    cause,
  });
}

/** The disk did not take a batch. */
export function storeWriteFailed(dir: string, why: string, cause: unknown): TowpathError {
  return new TowpathError('STORE_WRITE_FAILED', `the store ${dir} cannot write: ${why}`, {
    next: 'mend the disk, then start Towpath again; nothing that was acknowledged is lost',
    cause,
  });
}

/** Nothing to back up. */
export function noStore(dir: string): TowpathError {
  return new TowpathError('NO_STORE', `there is no cluster in ${dir}`, { next: 'name the data folder with --data' });
}

/** Backups are never written over. */
export function backupExists(file: string): TowpathError {
  return new TowpathError('BACKUP_EXISTS', `${file} exists already`, { next: 'name another file' });
}

/** The file is no backup, or not a whole one. */
export function backupInvalid(file: string, why: string, cause?: unknown): TowpathError {
  return new TowpathError('BACKUP_INVALID', `${file} cannot be restored: ${why}`, {
    next: 'name a whole backup; nothing was restored',
    cause,
  });
}

/** The file was written by a later release. */
export function backupNewer(file: string, is: { version: number; known: number; towpath: string }): TowpathError {
  const message = `the backup ${file} of Towpath ${is.towpath} has format ${is.version}, this one reads up to ${is.known}`;
  return new TowpathError('BACKUP_NEWER', message, { next: 'use the newer Towpath; nothing was restored' });
}

/** A cluster is never written over. */
export function restoreExists(dir: string): TowpathError {
  return new TowpathError('RESTORE_EXISTS', `${dir} is not empty: a restore never overwrites`, {
    next: 'name a new data folder with --data, or move this one away',
  });
}
