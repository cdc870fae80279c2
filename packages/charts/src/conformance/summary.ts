/** Says what a comparison with the real Helm came to. */

import type { ChartReport, Outcome } from './comparison.ts';

type ChartResult = Outcome | 'absent';

/** The worst of a chart's renders; refused only when no render was shown. */
function resultOf({ renders, absent }: ChartReport): ChartResult {
  const has = (outcome: Outcome): boolean => renders.some((render) => render.outcome === outcome);
  if (absent !== '') return 'absent';
  if (has('different')) return 'different';
  if (has('chance')) return 'chance';
  return has('identical') ? 'identical' : 'refused';
}

/** The last lines of the campaign. */
export function summaryLines(reports: readonly ChartReport[]): string[] {
  const charts = (result: ChartResult): number => reports.filter((report) => resultOf(report) === result).length;
  const all = reports.flatMap(({ renders }) => renders).filter(({ isLint }) => !isLint);
  const lints = reports.flatMap(({ renders }) => renders).filter(({ isLint }) => isLint);
  const renders = (outcome: Outcome): number => all.filter((render) => render.outcome === outcome).length;
  return [
    ...reports
      .filter(({ absent }) => absent !== '')
      .map(({ chart, absent }) => `not counted: ${chart.label} (${absent})`),
    `${charts('identical') + charts('chance')} charts identical (${charts('chance')} of them but for random, certificate ` +
      `and date texts), ${charts('different')} different, ${charts('refused')} refused by both engines with the same ` +
      `sentence in every render, ${charts('absent')} not counted`,
    `${all.length} renders: ${renders('identical')} identical, ${renders('chance')} but for random, certificate and ` +
      `date texts, ${renders('refused')} refused with the same sentence, ${renders('different')} different`,
    ...(lints.length === 0
      ? []
      : [`${lints.length} lints: ${lints.filter(({ outcome }) => outcome === 'different').length} different`]),
  ];
}

/** What one chart came to, with all that differs; nothing for a chart that agrees unless `isVerbose`. */
export function chartLines(report: ChartReport, isVerbose: boolean): string[] {
  const result = resultOf(report);
  const different = report.renders.filter(({ outcome }) => outcome === 'different');
  const shown = isVerbose ? report.renders.filter(({ outcome }) => outcome !== 'identical') : different;
  if (shown.length === 0 && !isVerbose) return [];
  return [
    `${result === 'different' ? 'DIFFERENT' : result} ${report.chart.label}`,
    ...shown.map(({ label, outcome, detail }) => `  ${label}: ${outcome} ${detail}`),
  ];
}

const words: Readonly<Record<ChartResult, string>> = {
  identical: 'identical',
  chance: 'identical but for chance',
  refused: 'the same refusal',
  different: 'DIFFERENT',
  absent: 'not counted',
};

/** A Markdown table of every chart. */
export function listText(reports: readonly ChartReport[]): string {
  const rows = reports.map((report) => {
    const [repository = '', ...path] = report.chart.label.split('/');
    const count = (outcome: Outcome): number =>
      report.renders.filter((render) => !render.isLint && render.outcome === outcome).length;
    const note =
      report.absent !== '' ? `: ${report.absent}` : count('refused') > 0 ? `; ${count('refused')} refused by both` : '';
    const { name, version } = report.chart;
    const folder = path.join('/');
    return `| ${repository.replace('+', '/')} | ${folder || '.'} | ${name} ${version} | ${report.renders.filter(({ isLint }) => !isLint).length} | ${words[resultOf(report)]}${note} |`;
  });
  return ['| repository | folder | chart | renders | result |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}
