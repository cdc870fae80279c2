/** The images of a set of manifest files that are to be kept up to date, and the edits that do it. */

import type { AnyObject } from '@towpath/api';
import { isRecord, messageOf } from '@towpath/kit';
import { editTag, parseDocuments } from './edit/edit-tag.ts';
import { imagePlaces, type ImagePlace } from './places.ts';
import { decideTag, isAutomated, tagPolicyOf, type TagInfo, type TagPolicy } from './policy/policy.ts';

/** One automated image. */
export interface Candidate {
  readonly file: string;
  readonly documentIndex: number;
  /** `ns:kind/name`. */
  readonly workload: string;
  readonly place: ImagePlace;
  readonly policy: TagPolicy;
}

export interface ScanProblem {
  readonly file: string;
  readonly message: string;
}

/** Reads policies and images from the files; a file that does not parse is left to synchronisation to report. */
export function findCandidates(files: ReadonlyMap<string, string>): {
  candidates: Candidate[];
  problems: ScanProblem[];
} {
  const candidates: Candidate[] = [];
  const problems: ScanProblem[] = [];
  for (const [file, text] of files) {
    // Cheap: most files have no policy, and parsing with positions is not free.
    if (!text.includes('fluxcd.io/') && !text.includes('flux.weave.works/')) continue;
    parseDocuments(text).forEach((document, documentIndex) => {
      if (document.errors.length > 0) return;
      const value: unknown = document.toJS({ maxAliasCount: 1000 });
      for (const { object, prefix } of objectsOf(value)) {
        if (!isAutomated(object)) continue;
        for (const place of imagePlaces(object)) {
          try {
            const policy = tagPolicyOf(object, place.container);
            const path = [...prefix, ...place.path];
            candidates.push({ file, documentIndex, workload: workloadOf(object), place: { ...place, path }, policy });
          } catch (error) {
            problems.push({ file, message: `${workloadOf(object)}: ${messageOf(error)}` });
          }
        }
      }
    });
  }
  return { candidates, problems };
}

/** The object of a document, or the items of a List with the path to each. */
function objectsOf(value: unknown): { object: AnyObject; prefix: (string | number)[] }[] {
  if (!isRecord(value)) return [];
  const { kind, items, metadata } = value;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return items.flatMap((item, index) =>
      objectsOf(item).map(({ object, prefix }) => ({ object, prefix: ['items', index, ...prefix] })),
    );
  }
  if (typeof kind !== 'string' || !isRecord(metadata) || typeof metadata['name'] !== 'string') return [];
  // Checked above: kind and metadata.name are texts; annotations are read through narrowing helpers only.
  return [{ object: value as AnyObject, prefix: [] }];
}

function workloadOf(object: AnyObject): string {
  return `${object.metadata.namespace ?? 'default'}:${object.kind.toLowerCase()}/${object.metadata.name}`;
}

export interface Update {
  readonly candidate: Candidate;
  readonly tag: string;
  readonly because: string;
  /** `repository:tag`, as in the commit's message. */
  readonly image: string;
}

/** Pure: which images move to which tag. */
export function planUpdates(
  candidates: readonly Candidate[],
  tagsOf: (repository: string) => readonly TagInfo[] | undefined,
): Update[] {
  return candidates.flatMap((candidate) => {
    const { repository, tag } = candidate.place;
    const tags = tagsOf(repository);
    if (tags === undefined) return [];
    const decision = decideTag(candidate.policy, tag, tags);
    if (decision.type === 'keep') return [];
    return [{ candidate, tag: decision.tag, because: decision.because, image: `${repository}:${decision.tag}` }];
  });
}

/** The files with the updates made: path → whole new text. One that cannot be edited does not stop the others. */
export function editFiles(
  files: ReadonlyMap<string, string>,
  updates: readonly Update[],
): { edits: Map<string, string>; done: Update[]; problems: ScanProblem[] } {
  const edits = new Map<string, string>();
  const done: Update[] = [];
  const problems: ScanProblem[] = [];
  for (const update of updates) {
    const { file, documentIndex, place } = update.candidate;
    const text = edits.get(file) ?? files.get(file) ?? '';
    try {
      edits.set(file, editTag({ file, text, documentIndex, place, tag: update.tag }));
      done.push(update);
    } catch (error) {
      problems.push({ file, message: messageOf(error) });
    }
  }
  return { edits, done, problems };
}

/** Source: fluxcd/flux pkg/update/automated.go, CommitMessage. */
export function commitMessage(updates: readonly Update[]): string {
  const images = [...new Set(updates.map(({ image }) => image))].sort();
  if (images.length === 1) return `Auto-release ${images[0]}`;
  return `Auto-release multiple (${images.length}) images\n\n${images.map((image) => ` - ${image}`).join('\n')}`;
}
