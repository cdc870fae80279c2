/** An explanation for a terminal. */

import type { Explanation, Finding, ObjectName } from './explanation.ts';

const codes = { red: [31, 39], green: [32, 39], yellow: [33, 39], bold: [1, 22], dim: [2, 22] } as const;
type Paint = (colour: keyof typeof codes, text: string) => string;

export function explanationText(explanation: Explanation, options: { colours: boolean }): string {
  const paint: Paint = (colour, text) =>
    options.colours ? `\u001b[${codes[colour][0]}m${text}\u001b[${codes[colour][1]}m` : text;
  const { target, isWell, chain, first, others } = explanation;
  const lines = [paint('bold', nameText(target))];
  if (first === undefined)
    lines.push(isWell ? paint('green', 'it is well') : 'it is not well, and the cause is not known');
  else lines.push(...findingLines(first, paint));
  if (others.length > 0) lines.push('', 'Also:', ...others.map(({ sentence }) => `  ${sentence}`));
  const marks = { well: paint('green', '✓'), failing: paint('red', '✗'), waiting: paint('yellow', '…') };
  lines.push('', 'From commit to canary:');
  for (const { stage, object, state, detail } of chain)
    lines.push(`  ${marks[state]} ${stage.padEnd(8)} ${nameText(object)}  ${paint('dim', detail)}`);
  return `${lines.join('\n')}\n`;
}

function findingLines({ cause, sentence, evidence, next }: Finding, paint: Paint): string[] {
  return [
    `${paint('red', sentence)} [${cause}]`,
    ...evidence.map(({ object, field, text }) => `  ${paint('dim', `${nameText(object)} ${field}:`)} ${text}`),
    `  ${paint('bold', 'Next:')} ${next}`,
  ];
}

function nameText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}
