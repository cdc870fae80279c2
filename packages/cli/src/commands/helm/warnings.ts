/** How warnings of a render are printed: as helm logs its own, or as sentences. */

import type { RenderWarning } from '@towpath/charts';
import type { Dialect } from './report.ts';

/** Where helm 3.19 logs each of its sentences: its log lines begin with it. */
const logPlaces: readonly (readonly [sentence: RegExp, place: string])[] = [
  [/^warning: skipping globals because destination /, 'coalesce.go:138'],
  [/^warning: skipping globals because source /, 'coalesce.go:145'],
  [/^Conflict: cannot merge map onto non-map /, 'coalesce.go:161'],
  [/^key .* is table\. Skipping$/, 'coalesce.go:175'],
  [/^warning: skipped value for /, 'coalesce.go:237'],
  [/^warning: cannot overwrite table /, 'coalesce.go:298'],
  [/^warning: destination for /, 'coalesce.go:301'],
  [/^Warning: Condition path /, 'dependencies.go:64'],
  [/^Warning: Tag /, 'dependencies.go:95'],
  [/^Warning: ImportValues missing table from chart /, 'dependencies.go:270'],
  [/^Warning: ImportValues missing table: /, 'dependencies.go:287'],
  [/^info: skipping unknown hook: /, 'manifest_sorter.go:199'],
  [/^\[INFO\] Missing required value: /, 'engine.go:206'],
  [/^\[INFO\] Fail: /, 'engine.go:227'],
];

/** The lines for standard error; in helm's dialect only what helm says itself. */
export function warningLines(warnings: readonly RenderWarning[], dialect: Dialect): string[] {
  if (dialect === 'towpath') return warnings.map(({ message }) => `WARNING: ${message.replace(/^\[INFO\] /, '')}\n`);
  return warnings.flatMap(({ message }) => {
    const place = logPlaces.find(([sentence]) => sentence.test(message))?.[1];
    return place === undefined ? [] : [`${place}: ${message}\n`];
  });
}
