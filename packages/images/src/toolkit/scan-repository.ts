/** ImageRepositories: the tags of a registry, when it is time to ask for them. */

import { keyOf, keyText } from '@towpath/api';
import { goLibrary } from '@towpath/charts';
import { goDurationText, messageOf, toTimestamp } from '@towpath/kit';
import type { ToolkitDeps } from '@towpath/runtime';
import { ImageFailure } from './errors.ts';
import { canonicalName, parseImageName, type ImageName } from './image-name.ts';
import { durationMs, type ImageRepository, type ImageRepositoryStatus, type ScanResult } from './kinds.ts';
import { openRegistry, type RegistryDeps } from './registry-access.ts';
import type { StatusWriter } from './status.ts';
import type { TagStore } from './tags.ts';

export interface ScanDeps extends ToolkitDeps, RegistryDeps {
  readonly tags: TagStore;
  /** Names (`namespace/name`) of those whose image was pushed to the embedded registry since their last scan. */
  readonly news: Set<string>;
}

const latestTagsCount = 10;
const defaultIntervalMs = 60_000;
export const defaultExclusions: readonly string[] = ['^.*\\.sig$'];

/** Returns the time to the next scan. Throws `ImageFailure`. */
export async function scanRepository(
  object: ImageRepository,
  status: StatusWriter<ImageRepositoryStatus, ImageRepository>,
  deps: ScanDeps,
): Promise<number> {
  const { spec } = object;
  await status.begin(true);
  const parsed = parseImageName(spec.image, spec.insecure === true);
  if (!parsed.ok) throw new ImageFailure('ImageURLInvalid', parsed.because, { isStalled: true });
  const registry = await openRegistry(object, parsed.name, deps);
  const due = whenToScan(object, status, parsed.name, deps);
  let told = `no change in repository configuration since last scan, next scan in ${goDurationText(due.afterMs)}`;
  if (due.because !== undefined) {
    const before = status.status.lastScanResult?.revision;
    status.progress(`scanning: ${due.because}`, due.because === 'no tags in database');
    await status.write();
    const result = await scan(object, parsed.name, { deps, registry });
    status.status.lastScanResult = result;
    const isSame = before === result.revision;
    told = `${isSame ? 'tags did not change' : 'successful scan'}, next scan in ${goDurationText(due.afterMs)}`;
  }
  const { lastScanResult } = status.status;
  status.status.canonicalImageName = canonicalName(parsed.name);
  status.status.observedExclusionList = exclusionsOf(object);
  const { tagCount = 0, revision = '' } = lastScanResult ?? {};
  await status.succeeded(`successful scan: found ${tagCount} tags with checksum ${revision}`, { quiet: told });
  return due.afterMs;
}

export function exclusionsOf({ spec }: ImageRepository): readonly string[] {
  return spec.exclusionList === undefined || spec.exclusionList.length === 0 ? defaultExclusions : spec.exclusionList;
}

/** Why it is time; without a reason it is not. */
function whenToScan(
  object: ImageRepository,
  { status, request }: StatusWriter<ImageRepositoryStatus, ImageRepository>,
  name: ImageName,
  { tags, clock, news }: ScanDeps,
): { afterMs: number; because?: string } {
  const afterMs = durationMs(object.spec.interval, defaultIntervalMs);
  const key = keyOf(object);
  const { lastScanResult, canonicalImageName, observedExclusionList } = status;
  if (lastScanResult === undefined) return { afterMs, because: 'first scan' };
  if (request !== undefined) return { afterMs, because: 'reconcile requested' };
  if (canonicalName(name) !== canonicalImageName) return { afterMs, because: 'new image name' };
  if (!haveSame(exclusionsOf(object), observedExclusionList ?? []))
    return { afterMs, because: 'updated exclusion list' };
  if (tags.get(key).length === 0) return { afterMs, because: 'no tags in database' };
  if (news.has(keyText(key))) return { afterMs, because: 'new tag in the registry' };
  const leftMs = afterMs - (clock.nowMs() - Date.parse(lastScanResult.scanTime));
  return leftMs < 1_000 ? { afterMs, because: 'triggered by interval' } : { afterMs: leftMs };
}

function haveSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((one) => right.includes(one));
}

type Registry = Awaited<ReturnType<typeof openRegistry>>;

async function scan(
  object: ImageRepository,
  name: ImageName,
  { deps, registry }: { deps: ScanDeps; registry: Registry },
): Promise<ScanResult> {
  const told = keyText(keyOf(object));
  const isTold = deps.news.delete(told);
  try {
    const found = await registry.tags(name.repository);
    if (found === undefined) {
      const asked = new URL(`/v2/${name.repository}/tags/list?n=1000`, registry.url).href;
      throw new Error(`GET ${asked}: NAME_UNKNOWN: repository name not known to registry`);
    }
    const tags = withoutExcluded(found, exclusionsOf(object)).toSorted(descending);
    deps.tags.set(keyOf(object), tags);
    return {
      revision: String(adler32(JSON.stringify(tags))),
      tagCount: tags.length,
      scanTime: toTimestamp(deps.clock.nowMs()),
      ...(tags.length > 0 && { latestTags: tags.slice(0, latestTagsCount) }),
    };
  } catch (error) {
    if (isTold) deps.news.add(told);
    throw new ImageFailure('ReadOperationFailed', `scan failed: ${messageOf(error)}`, { cause: error });
  }
}

function withoutExcluded(tags: readonly string[], patterns: readonly string[]): readonly string[] {
  const expressions = patterns.map((pattern) => {
    try {
      return goLibrary.compileRegexp(pattern);
    } catch (error) {
      throw new Error(`failed to compile regex ${pattern}: ${messageOf(error)}`, { cause: error });
    }
  });
  return tags.filter((tag) => !expressions.some((expression) => goLibrary.matchesRegexp(expression, tag)));
}

function descending(left: string, right: string): number {
  return left === right ? 0 : left < right ? 1 : -1;
}

/** Source: RFC 1950, section 9. */
export function adler32(text: string): number {
  const modulus = 65_521;
  let low = 1;
  let high = 0;
  for (const byte of Buffer.from(text, 'utf8')) {
    low = (low + byte) % modulus;
    high = (high + low) % modulus;
  }
  return high * 65_536 + low;
}
