/** Why something failed, in one sentence for a status. */

import type { Place, RenderFailure, ValueOrigin } from '@towpath/charts';
import { messageOf, TowpathError } from '@towpath/kit';

/** The message, what a failed render knows of its place, and the next step where there is one. */
export function reasonOf(error: unknown): string {
  const next = error instanceof TowpathError ? error.next : undefined;
  return [messageOf(error), placeOf(error), next].filter((part) => part !== undefined && part !== '').join('; ');
}

/** Conditions and events are short: of many values the first ones are named. */
const valuesMax = 2;

/** The template, and the values that were read with who set them: names and paths only, never a value. '' for other errors. */
export function placeOf(error: unknown): string {
  const { at, values = [], schema = [] } = detailsOf(error);
  const reads = [...values, ...schema].slice(0, valuesMax);
  // The place of a refused value is that of its origin.
  const place = at === undefined || schema.length > 0 || messageOf(error).includes(`${at.file}:${at.line}`);
  return [
    ...(place ? [] : [`at ${placeText(at)}`]),
    ...reads.map(({ path, origins }) => settersText(path, origins)),
  ].join('; ');
}

function detailsOf(error: unknown): RenderFailure {
  for (let current = error; current instanceof Error; current = current.cause) {
    // Only the chart engine gives details.
    if (current instanceof TowpathError && current.details !== undefined) return current.details as RenderFailure;
  }
  return {};
}

function settersText(path: string, origins: readonly ValueOrigin[]): string {
  const [winner, ...others] = origins.map(originText);
  if (winner === undefined) return `nobody sets ${path}`;
  return `${path} is set by ${winner}${others.length === 0 ? '' : ` (over ${others.join(', ')})`}`;
}

function originText({ source, at, isNull }: ValueOrigin): string {
  return `${at === undefined ? source : `${source}:${at.line}`}${isNull === true ? ' to null' : ''}`;
}

function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}
