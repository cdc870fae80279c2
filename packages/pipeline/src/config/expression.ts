/** The expressions of `rules: if`: variables, texts, regular expressions, comparison, and/or. */

import { RE2JS } from 're2js';
import { pipelineError } from '../errors.ts';

type Token =
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'pattern'; readonly source: string; readonly flags: string }
  | { readonly type: 'null' }
  | { readonly type: 'operator'; readonly text: '==' | '!=' | '=~' | '!~' | '&&' | '||' | '(' | ')' };

export type Variables = Readonly<Record<string, string>>;

const maxLength = 10_000;
const tokenForm =
  /\s*(?:\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|"([^"]*)"|'([^']*)'|\/((?:[^/\\]|\\.)+)\/([a-zA-Z]*)|(null)\b|(==|!=|=~|!~|&&|\|\||\(|\)))/y;

/**
 * Evaluates one expression. `&&` binds tighter than `||`. Throws `CI_INVALID` naming `where`.
 * Source: GitLab "CI/CD variable expressions".
 */
export function evaluateExpression(text: string, variables: Variables, where: string): boolean {
  if (text.length > maxLength) throw invalid(where, text, `it is longer than ${maxLength} characters`);
  const parser = new Parser(tokenize(text, where), variables, { where, text });
  const value = parser.or();
  parser.end();
  return isTruthy(value);
}

function tokenize(text: string, where: string): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (text.slice(index).trim() !== '') {
    tokenForm.lastIndex = index;
    const match = tokenForm.exec(text);
    if (match === null)
      throw invalid(where, text, `${JSON.stringify(text.slice(index, index + 20))} is not understood`);
    index = tokenForm.lastIndex;
    const [, plain, braced, double, single, pattern, flags, nothing, operator] = match;
    const name = plain ?? braced;
    if (name !== undefined) tokens.push({ type: 'variable', name });
    else if (double !== undefined || single !== undefined) tokens.push({ type: 'text', text: double ?? single ?? '' });
    else if (pattern !== undefined) tokens.push({ type: 'pattern', source: pattern, flags: flags ?? '' });
    else if (nothing !== undefined) tokens.push({ type: 'null' });
    // The expression above lists exactly these operators.
    else tokens.push({ type: 'operator', text: operator as Extract<Token, { type: 'operator' }>['text'] });
  }
  return tokens;
}

/** A value: text, undefined for null and unset variables, or the result of a comparison. */
type Value = string | undefined | boolean;

class Parser {
  readonly #tokens: readonly Token[];
  readonly #variables: Variables;
  readonly #origin: { readonly where: string; readonly text: string };
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], variables: Variables, origin: { where: string; text: string }) {
    this.#tokens = tokens;
    this.#variables = variables;
    this.#origin = origin;
  }

  or(): Value {
    let left = this.#and();
    while (this.#take('||')) {
      const right = this.#and();
      left = isTruthy(left) || isTruthy(right);
    }
    return left;
  }

  end(): void {
    if (this.#index < this.#tokens.length) throw this.#fail('it does not end where it should');
  }

  #and(): Value {
    let left = this.#comparison();
    while (this.#take('&&')) {
      const right = this.#comparison();
      left = isTruthy(left) && isTruthy(right);
    }
    return left;
  }

  #comparison(): Value {
    const left = this.#operand();
    if (this.#take('==')) return left === this.#operand();
    if (this.#take('!=')) return left !== this.#operand();
    if (this.#take('=~')) return this.#matches(left);
    if (this.#take('!~')) return !this.#matches(left);
    return left;
  }

  #operand(): Value {
    if (this.#take('(')) {
      if (++this.#depth > 50) throw this.#fail('it is nested too deep');
      const inner = this.or();
      if (!this.#take(')')) throw this.#fail('a parenthesis is not closed');
      this.#depth--;
      return inner;
    }
    const token = this.#tokens[this.#index++];
    if (token?.type === 'variable') return this.#variable(token.name);
    if (token?.type === 'text') return token.text;
    if (token?.type === 'null') return undefined;
    throw this.#fail('a value is missing');
  }

  /** The right side is a pattern, or a variable that holds one (`/…/`); an invalid one in a variable matches nothing. */
  #matches(left: Value): boolean {
    const token = this.#tokens[this.#index++];
    if (token?.type === 'pattern') {
      const expression = compile(token.source, token.flags);
      if (expression === undefined) throw this.#fail(`/${token.source}/ is no RE2 expression`);
      return typeof left === 'string' && expression.matcher(left).find();
    }
    if (token?.type !== 'variable' && token?.type !== 'text') throw this.#fail('a pattern is missing');
    const text = token.type === 'text' ? token.text : (this.#variable(token.name) ?? '');
    const written = /^\/(.*)\/([a-zA-Z]*)$/s.exec(text);
    const expression = written === null ? undefined : compile(written[1] ?? '', written[2] ?? '');
    return expression !== undefined && typeof left === 'string' && expression.matcher(left).find();
  }

  #variable(name: string): string | undefined {
    return Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined;
  }

  #take(operator: string): boolean {
    const token = this.#tokens[this.#index];
    if (token?.type !== 'operator' || token.text !== operator) return false;
    this.#index++;
    return true;
  }

  #fail(because: string): Error {
    return invalid(this.#origin.where, this.#origin.text, because);
  }
}

function isTruthy(value: Value): boolean {
  return typeof value === 'boolean' ? value : value !== undefined && value !== '';
}

function compile(source: string, flags: string): RE2JS | undefined {
  const bits =
    (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes('m') || flags.includes('s') ? RE2JS.DOTALL : 0);
  try {
    return RE2JS.compile(source.replaceAll('\\/', '/'), bits);
  } catch {
    return undefined;
  }
}

function invalid(where: string, text: string, because: string): Error {
  return pipelineError(
    'CI_INVALID',
    `${where}: the expression ${JSON.stringify(text.slice(0, 200))} is invalid: ${because}`,
    {
      next: 'correct the file and push again',
    },
  );
}

/** True when a `only`/`except` pattern `/…/` matches a ref. */
export function matchesPattern(written: string, text: string): boolean | undefined {
  const match = /^\/(.*)\/([a-zA-Z]*)$/s.exec(written);
  if (match === null) return undefined;
  return (
    compile(match[1] ?? '', match[2] ?? '')
      ?.matcher(text)
      .find() ?? false
  );
}
