/** A plan for a terminal. */

import type { CanaryForecast, FieldChange, ObjectChange, PlanReport } from './report.ts';

type Colour = 'green' | 'yellow' | 'red' | 'bold' | 'dim';
const codes: Record<Colour, [number, number]> = {
  green: [32, 39],
  yellow: [33, 39],
  red: [31, 39],
  bold: [1, 22],
  dim: [2, 22],
};

type Paint = (colour: Colour, text: string) => string;

/** With colours only when asked for. */
export function planText(report: PlanReport, options: { colours: boolean }): string {
  const paint: Paint = (colour, text) =>
    options.colours ? `\u001b[${codes[colour][0]}m${text}\u001b[${codes[colour][1]}m` : text;
  const { base, head, files, objects, canaries, problems, notes } = report;
  const lines = [
    `${paint('bold', 'Plan')}  ${shortRevision(base.revision)} (${base.because}) → ${shortRevision(head.revision)} (${head.because})`,
    `${files.length} file${files.length === 1 ? '' : 's'} differ${files.length === 1 ? 's' : ''}: ${summaryText(report)}`,
  ];
  for (const object of objects) lines.push('', ...objectLines(object, paint));
  for (const canary of canaries) lines.push('', ...canaryLines(canary, paint));
  if (problems.length > 0) lines.push('', paint('red', 'This commit cannot be applied as it is:'));
  for (const { source, message } of problems) lines.push(`  ${paint('red', '✗')} ${source}: ${message}`);
  if (notes.length > 0) lines.push('', ...notes.map((note) => paint('dim', `note: ${note}`)));
  return `${lines.join('\n')}\n`;
}

/** `1 object changes, 2 are new; 1 canary starts`. */
export function summaryText({ objects, canaries, problems }: PlanReport): string {
  if (objects.length === 0) return problems.length > 0 ? 'it cannot be applied' : 'nothing changes in the cluster';
  const count = (action: ObjectChange['action']): number => objects.filter((object) => object.action === action).length;
  const parts = (['create', 'update', 'delete'] as const).flatMap((action) => {
    const found = count(action);
    return found === 0 ? [] : [`${found} to ${action === 'update' ? 'change' : action}`];
  });
  const starting =
    canaries.length === 0 ? '' : `; ${canaries.length} canar${canaries.length === 1 ? 'y starts' : 'ies start'}`;
  const failing = canaries.filter(({ problems: found }) => found.some(({ level }) => level === 'fails')).length;
  return `${parts.join(', ')}${starting}${failing > 0 ? `, ${failing} of them cannot succeed` : ''}`;
}

export function shortRevision(revision: string): string {
  return /^[0-9a-f]{40,}$/.test(revision) ? revision.slice(0, 7) : revision;
}

const signs = { create: '+', update: '~', delete: '-' } as const;
const colourOf = { create: 'green', update: 'yellow', delete: 'red' } as const;

function objectLines(object: ObjectChange, paint: Paint): string[] {
  const { action, kind, namespace, name, release, source, fields, rehearsal } = object;
  const place = namespace === undefined ? name : `${namespace}/${name}`;
  const from = release === undefined ? source : `${source}, release ${release}`;
  const head = `${paint(colourOf[action], `${signs[action]} ${kind} ${place}`)}  ${paint('dim', from)}`;
  const also = rehearsal.alsoChanges.flatMap((field) => fieldLines(field, paint));
  return [
    head,
    ...fields.flatMap((field) => fieldLines(field, paint)),
    ...(also.length === 0 ? [] : [paint('dim', '    and in the cluster:'), ...also]),
    ...rehearsalLines(object, paint),
  ];
}

function rehearsalLines({ rehearsal, action }: ObjectChange, paint: Paint): string[] {
  switch (rehearsal.outcome) {
    case 'accepted':
      return [
        paint('dim', `    the cluster accepts it${rehearsal.message === undefined ? '' : `; ${rehearsal.message}`}`),
      ];
    case 'refused':
      return [paint('red', `    the cluster refuses it: ${rehearsal.message ?? ''}`)];
    case 'no-effect':
      return [
        paint('dim', `    ${action === 'delete' ? 'nothing to delete' : 'no effect'}: ${rehearsal.message ?? ''}`),
      ];
    case 'not-asked':
      return [paint('dim', `    not rehearsed: ${rehearsal.message ?? ''}`)];
  }
}

function fieldLines({ path, before, after, template, values = [] }: FieldChange, paint: Paint): string[] {
  const was = before === undefined ? '' : `${paint('red', shownValue(before))} → `;
  const is = after === undefined ? paint('red', '(gone)') : paint('green', shownValue(after));
  const set = values.map(
    ({ path: value, setBy }) =>
      `${value} set by ${setBy[0] ?? 'nobody'}${setBy.length > 1 ? ` over ${setBy.slice(1).join(', ')}` : ''}`,
  );
  const origin = [template, ...set].filter((part) => part !== undefined).join('; ');
  return [`    ${path}: ${was}${is}`, ...(origin === '' ? [] : [paint('dim', `        ${origin}`)])];
}

const valueCharacters = 160;

/** One line, shortened. */
export function shownValue(value: unknown): string {
  const text = typeof value === 'string' && !/[\n"]/.test(value) ? value : JSON.stringify(value);
  return text.length > valueCharacters ? `${text.slice(0, valueCharacters)}…` : text;
}

function canaryLines(canary: CanaryForecast, paint: Paint): string[] {
  const failing = canary.problems.some(({ level }) => level === 'fails');
  const head = paint(failing ? 'red' : 'bold', `Canary ${canary.namespace}/${canary.name}`);
  return [
    `${head}  ${canary.because}: ${stepsText(canary)}`,
    ...canary.problems.flatMap(({ level, cause, message, next }) => [
      paint(
        level === 'fails' ? 'red' : 'yellow',
        `    ${level === 'fails' ? '✗ cannot succeed' : '! may mislead'} (${cause}): ${message}`,
      ),
      `        next: ${next}`,
    ]),
    ...(canary.problems.length === 0 && canary.starts === 'analysis'
      ? [paint('dim', '    nothing speaks against it')]
      : []),
  ];
}

/** How it would run. */
export function stepsText({ starts, weights, intervalSeconds, atLeastSeconds, threshold }: CanaryForecast): string {
  switch (starts) {
    case 'initialize':
      return 'its first version is taken over without analysis';
    case 'skip':
      return 'it is promoted without analysis';
    case 'refused':
      return 'the controller does not run it';
    case 'analysis': {
      const steps = weights.length === 0 ? 'one step' : `weights ${weights.join(', ')}%`;
      return `${steps}, a check every ${intervalSeconds}s, ${atLeastSeconds}s at least; ${threshold} failed checks end it`;
    }
  }
}
