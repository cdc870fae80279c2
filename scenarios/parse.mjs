/** Reads a .scenario file: setup steps, then scenarios; a step may carry a text, indented below it. */

/** A line that is no step, or stands where none may stand; the message starts with file:line. */
export class ScenarioSyntaxError extends Error {}

const durations = { s: 1000, m: 60_000 };

/**
 * Returns `{ setup, scenarios: [{ title, steps }] }`; a step is `{ text, where, body, limitMs, forMs }`.
 * `within 30s` at the end of a line is the time a step may take, `for 30s` the time its fact has to hold.
 */
export function parseScenarios(source, file) {
  const lines = source.split('\n');
  const setup = [];
  const scenarios = [];
  let steps = setup;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line.trim() === '' || line.trim().startsWith('#')) continue;
    const where = `${file}:${index + 1}`;
    const title = /^scenario\s+(.+)$/.exec(line)?.[1];
    if (title !== undefined) {
      scenarios.push({ title, steps: [], where });
      steps = scenarios.at(-1).steps;
      continue;
    }
    const { body, last } = readBody(lines, index);
    steps.push(parseStep(line.trim(), where, body));
    index = last;
  }
  if (scenarios.length === 0) throw new ScenarioSyntaxError(`${file}:1: no scenario: begin one with "scenario TITLE"`);
  return { setup, scenarios };
}

function parseStep(line, where, body) {
  let text = line;
  const times = {};
  for (;;) {
    const match = /^(.+?)\s+(within|for)\s+(\d+)(s|m)$/.exec(text);
    if (match === null) break;
    const [, rest, word, count, unit] = match;
    times[word === 'within' ? 'limitMs' : 'forMs'] = Number(count) * durations[unit];
    text = rest;
  }
  return { text, line, where, body, ...times };
}

/** The lines below `index` that are indented deeper than it, without the indentation. */
function readBody(lines, index) {
  const depth = indentation(lines[index]);
  const body = [];
  let last = index;
  for (let next = index + 1; next < lines.length; next++) {
    const line = lines[next];
    if (line.trim() !== '' && indentation(line) <= depth) break;
    body.push(line);
    if (line.trim() !== '') last = next;
  }
  const kept = body.slice(0, last - index);
  if (kept.length === 0) return { body: undefined, last };
  const least = Math.min(...kept.filter((line) => line.trim() !== '').map(indentation));
  return { body: `${kept.map((line) => line.slice(least)).join('\n')}\n`, last };
}

function indentation(line) {
  return line.length - line.trimStart().length;
}

/** Turns `expect event <object> <regex>` into a matcher: words, `/regexes/`, and `<name...>` for the rest of the line. */
export function compilePattern(pattern) {
  const kinds = {};
  const source = pattern
    .split(/(<[^>]+>)/)
    .map((part) => {
      const name = /^<([a-z]+)(\.\.\.)?>$/i.exec(part);
      if (name === null) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const key = name[1];
      kinds[key] = key === 'regex' ? 'regex' : 'text';
      if (key === 'regex') return '/(?<regex>.+)/(?<flags>[imsu]*)';
      return name[2] === undefined ? `(?<${key}>\\S+)` : `(?<${key}>.+)`;
    })
    .join('');
  const matcher = new RegExp(`^${source}$`);
  return (text) => {
    const groups = matcher.exec(text)?.groups;
    if (groups === undefined) return matcher.test(text) ? {} : undefined;
    const { flags, ...words } = groups;
    return kinds.regex === undefined ? words : { ...words, regex: new RegExp(words.regex, flags) };
  };
}
