/** `metadata.managedFields` as a map from manager to field set. */

import type { ManagedFieldsEntry } from '@towpath/api';
import { toTimestamp } from '@towpath/kit';
import { emptySet, fromFieldsV1, isEmptySet, toFieldsV1, unionOf, type FieldNode } from './field-set.ts';

/** Update entries beyond this number are put together, the oldest first. */
const maxUpdateManagers = 10;
const ancientManager = 'ancient-changes';

/** One entry. Two entries with the same `identityOf` are one manager. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldNode;
}

/** What makes a manager. Of appliers the version does not matter. */
export function identityOf(manager: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>): string {
  const version = manager.operation === 'Apply' ? '' : manager.apiVersion;
  return JSON.stringify([manager.name, manager.operation, version, manager.subresource]);
}

/** Reads the entries of an object. */
export function managersOf(entries: readonly ManagedFieldsEntry[] | undefined): Map<string, Manager> {
  const managers = new Map<string, Manager>();
  for (const entry of entries ?? []) {
    if (entry.operation === undefined) continue;
    const manager: Manager = {
      name: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time: entry.time,
      set: fromFieldsV1(entry.fieldsV1),
    };
    managers.set(identityOf(manager), manager);
  }
  return managers;
}

/** Everything the managers own, `except` one. */
export function ownedByOthers(managers: ReadonlyMap<string, Manager>, except: string): FieldNode {
  return [...managers].reduce(
    (set, [identity, manager]) => (identity === except ? set : unionOf(set, manager.set)),
    emptySet(),
  );
}

/** The entries to store: without empty ones, capped, in the order of a real server. */
export function entriesOf(managers: ReadonlyMap<string, Manager>, nowMs: number): ManagedFieldsEntry[] {
  const kept = capped([...managers.values()].filter((manager) => !isEmptySet(manager.set)));
  return kept.sort(compareManagers).map((manager) => ({
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined && manager.subresource === 'scale'
      ? {}
      : { time: manager.time ?? toTimestamp(nowMs) }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(manager.set),
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

function compareManagers(left: Manager, right: Manager): number {
  return (
    compareText(left.operation, right.operation) ||
    compareText(left.time ?? '', right.time ?? '') ||
    compareText(left.name, right.name) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function capped(managers: readonly Manager[]): Manager[] {
  const updates = managers.filter((manager) => manager.operation === 'Update').sort(compareManagers);
  const surplus = updates.length - maxUpdateManagers;
  if (surplus <= 0) return [...managers];
  const oldest = new Set(updates.slice(0, surplus + 1));
  const byVersion = new Map<string, Manager>();
  for (const manager of oldest) {
    const known = byVersion.get(manager.apiVersion);
    const set = known === undefined ? manager.set : unionOf(known.set, manager.set);
    byVersion.set(manager.apiVersion, { ...manager, name: ancientManager, subresource: '', set });
  }
  return [...managers.filter((manager) => !oldest.has(manager)), ...byVersion.values()];
}
