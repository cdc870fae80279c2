/** Rules that hold for the whole tree: the import table, the doors of side effects, the pages a newcomer reads. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { importTable, testImports } from './import-table.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = readdirSync(join(root, 'packages'));

interface Source {
  readonly path: string;
  readonly package: string;
  readonly text: string;
  readonly isTest: boolean;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist', 'testdata'].includes(entry.name) ? [] : filesBelow(path);
    return [path];
  });
}

const sources: readonly Source[] = packages.flatMap((name) =>
  filesBelow(join(root, 'packages', name))
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => ({
      path: relative(root, path),
      package: name,
      text: readFileSync(path, 'utf8'),
      isTest: /\.(test|cases|bench)\.tsx?$/.test(path) || path.includes('/testing/'),
    })),
);

const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*?(?:from\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

function importsOf(text: string): string[] {
  // Import lists over several lines are joined first, so that the specifier is on the statement's line.
  const joined = text.replace(
    /((?:import|export)[^'";]*?\{)([^}]*)\}/g,
    (_all, head: string, body: string) => `${head}${body.replaceAll('\n', ' ')}}`,
  );
  return [...joined.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? '');
}

function lineOf(text: string, needle: string | RegExp): number {
  const at = typeof needle === 'string' ? text.indexOf(needle) : text.search(needle);
  return text.slice(0, at).split('\n').length;
}

describe('imports', () => {
  test('the table names every package', () => {
    expect(Object.keys(importTable).toSorted()).toEqual(packages.toSorted());
  });

  test('nobody imports outside the table', () => {
    const wrong = sources.flatMap((source) =>
      importsOf(source.text)
        .filter(
          (specifier) => specifier.startsWith('@towpath/') && !mayImport(source, specifier.slice('@towpath/'.length)),
        )
        .map((specifier) => `${source.path}:${lineOf(source.text, specifier)}: ${specifier}`),
    );

    expect(wrong).toEqual([]);
  });

  test('relative imports stay in their package', () => {
    const wrong = sources.flatMap((source) =>
      importsOf(source.text)
        .filter((specifier) => specifier.startsWith('.') && leaves(source, specifier))
        .map((specifier) => `${source.path}:${lineOf(source.text, specifier)}: ${specifier}`),
    );

    expect(wrong).toEqual([]);
  });
});

function mayImport(source: Source, target: string): boolean {
  const [name = ''] = target.split('/');
  const table: Record<string, readonly string[]> = importTable;
  if (name === source.package || name === 'kit') return true;
  if (name === 'api') return source.package !== 'kit';
  if (source.isTest && testImports.includes(target)) return true;
  return table[source.package]?.includes(name) === true;
}

/** Only the version is read from the root package.json. */
function leaves(source: Source, specifier: string): boolean {
  const target = relative(root, resolve(root, dirname(source.path), specifier));
  return target !== 'package.json' && !target.startsWith(`packages/${source.package}/`);
}

/** Side effects have doors: the files that may use them. */
const doors: readonly { name: string; pattern: RegExp; allowed: RegExp }[] = [
  {
    name: 'process.env',
    pattern: /process\.env/,
    allowed: /^packages\/(cli\/src\/(main|quick)|git\/src\/exec|cluster\/src\/conformance\/environment)\.ts$/,
  },
  { name: 'Date.now', pattern: /\bDate\.now\(/, allowed: /^packages\/kit\/src\/clock\.ts$/ },
  { name: 'Math.random', pattern: /\bMath\.random\(/, allowed: /^$/ },
];

describe('doors', () => {
  test.each(doors)('$name is used only behind its door', ({ pattern, allowed }) => {
    const wrong = sources
      .filter((source) => !source.isTest && !source.path.startsWith('packages/dashboard/web/'))
      .filter((source) => pattern.test(withoutComments(source.text)) && !allowed.test(source.path))
      .map((source) => `${source.path}:${lineOf(source.text, pattern)}`);

    expect(wrong).toEqual([]);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

describe('size', () => {
  test('no file is longer than 500 lines', () => {
    const long = sources.filter((source) => source.text.split('\n').length > 501).map((source) => source.path);

    expect(long).toEqual([]);
  });
});

describe('documents', () => {
  test('every package has a README with its limits', () => {
    const missing = packages.filter((name) => {
      const file = join(root, 'packages', name, 'README.md');
      return !existsSync(file) || !/^## Limits$/m.test(readFileSync(file, 'utf8'));
    });

    expect(missing).toEqual([]);
  });

  test('every link of a page leads somewhere', () => {
    const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']
      .map((name) => join(root, name))
      .concat(
        existsSync(join(root, 'docs')) ? filesBelow(join(root, 'docs')).filter((file) => file.endsWith('.md')) : [],
      )
      .filter((file) => existsSync(file));
    const dead = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(resolve(dirname(page), link)))
        .map((link) => `${relative(root, page)}: ${link}`),
    );

    expect(dead).toEqual([]);
  });
});
