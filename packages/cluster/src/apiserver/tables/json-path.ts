/** The JSONPath of printer columns. Source: client-go util/jsonpath, the part that columns use. */

import { isRecord, jsonEqual } from '@towpath/kit';

type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'deep'; readonly name: string }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string; readonly value: unknown };

/** Compiles a path such as `.status.conditions[?(@.type=="Ready")].status`; the result finds every match. */
export function compileJsonPath(path: string): (object: unknown) => unknown[] {
  const steps = parse(path.trim().replace(/^\{|\}$/g, ''));
  return (object) => steps.reduce<unknown[]>((values, step) => values.flatMap((value) => take(value, step)), [object]);
}

function parse(path: string): Step[] {
  const steps: Step[] = [];
  let rest = path.startsWith('$') ? path.slice(1) : path;
  while (rest !== '') {
    const bracket = /^\[((?:[^\]'"]|'[^']*'|"[^"]*")*)\]/.exec(rest);
    const deep = /^\.\.((?:\\.|[^.[\\])+)/.exec(rest);
    const member = /^\.?((?:\\.|[^.[\\])+)/.exec(rest);
    const match = bracket ?? deep ?? member;
    if (match === null) {
      rest = rest.slice(1);
      continue;
    }
    const inner = match[1] ?? '';
    if (bracket !== null) steps.push(parseBracket(inner.trim()));
    else if (deep !== null) steps.push({ kind: 'deep', name: unescape(inner) });
    else steps.push(inner === '*' ? { kind: 'all' } : { kind: 'member', name: unescape(inner) });
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function unescape(name: string): string {
  return name.replace(/\\(.)/g, '$1');
}

function parseBracket(inner: string): Step {
  if (inner === '*' || inner === '') return { kind: 'all' };
  if (/^-?\d+$/.test(inner)) return { kind: 'index', index: Number(inner) };
  const quoted = /^(['"])(.*)\1$/s.exec(inner);
  if (quoted !== null) return { kind: 'member', name: quoted[2] ?? '' };
  const filter = /^\?\(\s*@((?:\\.|[^=!<>\s])*)\s*(==|!=|<=|>=|<|>)?\s*(.*?)\s*\)$/s.exec(inner);
  if (filter === null) return { kind: 'member', name: inner };
  const [, left = '', operator = 'exists', right = ''] = filter;
  return { kind: 'filter', path: parse(left), operator, value: parseLiteral(right) };
}

function parseLiteral(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  if (quoted !== null) return quoted[2];
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

function take(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case 'member':
      return isRecord(value) && value[step.name] !== undefined ? [value[step.name]] : [];
    case 'index': {
      const item = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      if (Array.isArray(value)) return value;
      return isRecord(value) ? Object.values(value) : [];
    case 'deep':
      return deep(value, step.name);
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => holds(item, step)) : [];
  }
}

function deep(value: unknown, name: string): unknown[] {
  const inner = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];
  const own = isRecord(value) && value[name] !== undefined ? [value[name]] : [];
  return [...own, ...inner.flatMap((item) => deep(item, name))];
}

function holds(item: unknown, step: Extract<Step, { kind: 'filter' }>): boolean {
  const found = step.path.reduce<unknown[]>(
    (values, inner) => values.flatMap((value) => take(value, inner)),
    [item],
  )[0];
  switch (step.operator) {
    case 'exists':
      return found !== undefined;
    case '==':
      return jsonEqual(found, step.value);
    case '!=':
      return !jsonEqual(found, step.value);
    case '<':
      return Number(found) < Number(step.value);
    case '>':
      return Number(found) > Number(step.value);
    case '<=':
      return Number(found) <= Number(step.value);
    default:
      return Number(found) >= Number(step.value);
  }
}
