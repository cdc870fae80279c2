/** A plan as a comment of a merge request. */

import type { CanaryForecast, FieldChange, ObjectChange, PlanReport } from './report.ts';
import { shortRevision, shownValue, stepsText, summaryText } from './text.ts';

/** By which the comment is found again. */
export const commentMark = '<!-- towpath-plan -->';
/** GitHub refuses longer ones; GitLab takes a million. */
const charactersMax = 60_000;

export function planMarkdown(report: PlanReport): string {
  const { base, head, objects, canaries, problems, notes } = report;
  const parts = [
    commentMark,
    `### Towpath plan: ${escapeText(summaryText(report))}`,
    `\`${shortRevision(base.revision)}\` (${escapeText(base.because)}) → \`${shortRevision(head.revision)}\` (${escapeText(head.because)})`,
  ];
  if (problems.length > 0) {
    const rows = problems.map(({ source, message }) => `- ${code(source)}: ${escapeText(message)}`);
    parts.push(`**This commit cannot be applied as it is**\n\n${rows.join('\n')}`);
  }
  if (canaries.length > 0) parts.push(canaries.map(canaryPart).join('\n\n'));
  if (objects.length > 0) parts.push(objectTable(objects));
  const details = objects
    .filter(({ fields, rehearsal }) => fields.length > 0 || rehearsal.alsoChanges.length > 0)
    .map(objectDetails);
  const tail = notes.length === 0 ? [] : [notes.map((note) => `> ${escapeText(note)}`).join('\n>\n')];
  let length = [...parts, ...tail].join('\n\n').length;
  const shown = details.filter((detail) => (length += detail.length + 2) < charactersMax);
  if (shown.length < details.length)
    parts.push(`The details of ${details.length - shown.length} objects are left out: run \`towpath plan\` for them.`);
  return `${[...parts, ...shown, ...tail].join('\n\n')}\n`;
}

function objectTable(objects: readonly ObjectChange[]): string {
  const words = { create: 'create', update: 'change', delete: 'delete' } as const;
  const rows = objects.map(({ action, kind, namespace, name, source, rehearsal }) => {
    const place = namespace === undefined ? name : `${namespace}/${name}`;
    const said = rehearsal.message === undefined ? rehearsal.outcome : `${rehearsal.outcome}: ${rehearsal.message}`;
    return `| ${words[action]} | ${cell(`${kind} ${place}`)} | ${code(source)} | ${cell(said)} |`;
  });
  return ['| | object | source | dry run |', '|---|---|---|---|', ...rows].join('\n');
}

function objectDetails({ kind, namespace, name, fields, rehearsal }: ObjectChange): string {
  const place = namespace === undefined ? name : `${namespace}/${name}`;
  const rows = [
    ...fields.map((field) => fieldRow(field)),
    ...rehearsal.alsoChanges.map((field) => fieldRow(field, 'only in the cluster')),
  ];
  return [
    `<details><summary>${escapeHtml(`${kind} ${place}`)}: ${rows.length} field${rows.length === 1 ? '' : 's'}</summary>`,
    '',
    '| field | before | after | written by |',
    '|---|---|---|---|',
    ...rows,
    '',
    '</details>',
  ].join('\n');
}

function fieldRow({ path, before, after, template, values = [] }: FieldChange, otherwise = ''): string {
  const set = values.map(
    ({ path: value, setBy }) => `${code(value)} of ${setBy[0] === undefined ? 'nobody' : code(setBy[0])}`,
  );
  const origin = [...(template === undefined ? [] : [code(template)]), ...set].join(', ');
  return `| ${code(path)} | ${valueCell(before)} | ${valueCell(after)} | ${origin === '' ? otherwise : origin} |`;
}

function canaryPart(canary: CanaryForecast): string {
  const rows = canary.problems.map(({ level, cause, message, next }) => {
    return `- ${level === 'fails' ? '❌ **cannot succeed**' : '⚠️ may mislead'} (${cause}): ${escapeText(message)}. _${escapeText(next)}_`;
  });
  const head = `**Canary ${escapeText(`${canary.namespace}/${canary.name}`)}**: ${escapeText(canary.because)}; ${escapeText(stepsText(canary))}`;
  return rows.length === 0 ? head : `${head}\n\n${rows.join('\n')}`;
}

function valueCell(value: unknown): string {
  return value === undefined ? '' : code(shownValue(value));
}

/** A code span that holds in a table, whatever is in it. */
function code(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  const longest = Math.max(0, ...[...flat.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const padding = longest > 0 || flat === '' ? ' ' : '';
  return `${fence}${padding}${flat}${padding}${fence}`;
}

function cell(text: string): string {
  return escapeText(text).replaceAll('|', '\\|');
}

/** No markup of a message takes effect, mentions of people included. */
function escapeText(text: string): string {
  return escapeHtml(text.replaceAll(/\s+/g, ' '))
    .replaceAll(/[\\`*_[\]~]/g, '\\$&')
    .replaceAll('@', '@\u200b');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
