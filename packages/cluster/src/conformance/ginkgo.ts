/** Reads the JSON report of a suite written with Ginkgo. */

import { readFile } from 'node:fs/promises';
import type { Tally } from './client-suite.ts';

/** The members used. Source: github.com/onsi/ginkgo/v2/types, Report and SpecReport. */
interface Report {
  readonly SpecReports?: readonly SpecReport[] | null;
}

interface SpecReport {
  readonly ContainerHierarchyTexts?: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly Failure?: { readonly Message?: string; readonly FailureNodeLocation?: unknown };
}

/** Longer failures are cut: they carry whole objects. */
const maxReasonChars = 400;

/** Puts the specs of a report that ran or should have run into the tally; pending ones are no specs of this version. */
export async function tallyReport(options: { file: string; tally: Tally; prefix?: string }): Promise<void> {
  const { tally, prefix = '' } = options;
  const reports = JSON.parse(await readFile(options.file, 'utf8')) as readonly Report[];
  for (const spec of reports.flatMap((report) => report.SpecReports ?? [])) {
    const name = `${prefix}${nameOf(spec)}`;
    const reason = reasonOf(spec);
    if (spec.LeafNodeType !== 'It') {
      if (spec.State !== 'passed') tally.fail(`${spec.LeafNodeType} ${name}`.trim(), reason);
    } else if (spec.State === 'passed') tally.pass(name);
    else if (spec.State !== 'pending' && spec.State !== 'skipped') tally.fail(name, `${spec.State}: ${reason}`);
  }
}

function nameOf(spec: SpecReport): string {
  return [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].filter((text) => text !== '').join(' ');
}

function reasonOf(spec: SpecReport): string {
  const text = (spec.Failure?.Message ?? 'no reason given').replaceAll(/\s+/g, ' ').trim();
  return text.length > maxReasonChars ? `${text.slice(0, maxReasonChars)}…` : text;
}
