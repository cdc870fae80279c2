/** Packs a release into the text of its Secret and back: base64 of gzip of JSON. */

import { gunzipSync, gzipSync } from 'node:zlib';
import { isRecord, messageOf, type UnknownRecord } from '@towpath/kit';
import { releaseError } from '../errors.ts';
import type { Release, ReleaseHook, ReleaseInfo, ReleaseStatus, StoredChart, StoredFile } from './release.ts';

/** A release that unpacks to more is refused, so that a stored one cannot exhaust the memory. */
const unpackedLimitBytes = 64 * 1024 * 1024;

/** The value of `data.release`, before the Secret's own base64. Source: helm 3 pkg/storage/driver, encodeRelease. */
export function encodeRelease(release: Release): string {
  const { labels: _labels, config, manifest, hooks, ...stored } = release;
  // Go leaves out empty members, and Helm tells them from empty ones when it prints.
  const full = {
    ...stored,
    ...(Object.keys(config).length > 0 && { config }),
    ...(manifest !== '' && { manifest }),
    ...(hooks.length > 0 && { hooks }),
  };
  return gzipSync(JSON.stringify(full), { level: 9 }).toString('base64');
}

/** Reads what {@link encodeRelease} or Helm wrote; uncompressed JSON is read as well. Throws `RELEASE_CORRUPT`. */
export function decodeRelease(text: string, options: { secret: string; labels: Record<string, string> }): Release {
  let parsed: unknown;
  try {
    const bytes = Buffer.from(text, 'base64');
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 0x08;
    const json = isGzip ? gunzipSync(bytes, { maxOutputLength: unpackedLimitBytes }) : bytes;
    parsed = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw corrupt(options.secret, messageOf(error), error);
  }
  if (!isRecord(parsed) || typeof parsed['name'] !== 'string') throw corrupt(options.secret, 'it has no name');
  return fromStored(parsed, options.labels);
}

function corrupt(secret: string, why: string, cause?: unknown): Error {
  return releaseError('RELEASE_CORRUPT', `the release in secret "${secret}" cannot be read: ${why}`, {
    next: 'delete that secret, or restore it from a backup',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Go leaves out empty members: they get their zero values back here. */
function fromStored(stored: UnknownRecord, labels: Record<string, string>): Release {
  const info = record(stored['info']);
  const hooks = Array.isArray(stored['hooks']) ? stored['hooks'].filter(isRecord) : [];
  return {
    name: text(stored['name']),
    info: {
      ...info,
      first_deployed: text(info['first_deployed']),
      last_deployed: text(info['last_deployed']),
      deleted: text(info['deleted']),
      status: text(info['status'], 'unknown') as ReleaseStatus,
    } satisfies ReleaseInfo,
    chart: chartOf(record(stored['chart'])),
    config: record(stored['config']),
    manifest: text(stored['manifest']),
    hooks: hooks.map(hookOf),
    version: typeof stored['version'] === 'number' ? stored['version'] : 0,
    namespace: text(stored['namespace']),
    labels,
    ...(stored['apply_method'] === 'ssa' && { apply_method: 'ssa' }),
    ...(stored['apply_method'] === 'csa' && { apply_method: 'csa' }),
  };
}

function chartOf(chart: UnknownRecord): StoredChart {
  return {
    metadata: record(chart['metadata']),
    lock: chart['lock'] ?? null,
    templates: filesOf(chart['templates']),
    values: record(chart['values']),
    schema: typeof chart['schema'] === 'string' ? chart['schema'] : null,
    files: filesOf(chart['files']),
  };
}

function filesOf(value: unknown): StoredFile[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((file) => ({ name: text(file['name']), data: text(file['data']) }));
}

function hookOf(hook: UnknownRecord): ReleaseHook {
  const lastRun = record(hook['last_run']);
  return {
    ...hook,
    name: text(hook['name']),
    kind: text(hook['kind']),
    path: text(hook['path']),
    manifest: text(hook['manifest']),
    events: (Array.isArray(hook['events']) ? hook['events'] : []) as ReleaseHook['events'],
    last_run: {
      started_at: text(lastRun['started_at']),
      completed_at: text(lastRun['completed_at']),
      phase: text(lastRun['phase']) as ReleaseHook['last_run']['phase'],
    },
  };
}

function record(value: unknown): UnknownRecord {
  return isRecord(value) ? value : {};
}

function text(value: unknown, fallback = ''): string {
  return typeof value === 'string' ? value : fallback;
}
