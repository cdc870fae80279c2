/** Rolls the declarations that one entry reaches into a single file: what tsc emits per file, without the imports between them. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const declaration =
  /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|const|let|function|enum) ([A-Za-z_$][\w$]*)/;
const reexport = /^export (?:type )?\{([^}]*)\} from '([^']+)';$/;
const reexportAll = /^export \* from '([^']+)';$/;
const importing = /^import (?:type )?\{([^}]*)\} from '([^']+)';$/;

/**
 * The text of one `.d.ts` for `entry`, a declaration file that tsc emitted. `packages` tells where imports of packages
 * were emitted: `{ '@towpath/kit': '/types/packages/kit/src/index.d.ts' }`. Throws when the public types need
 * another package, or two different declarations of one name.
 */
export function rollTypes({ entry, packages = {} }) {
  const files = new Map();
  const read = (file) => {
    if (!files.has(file)) files.set(file, readDeclarations(file, packages));
    return files.get(file);
  };
  const chosen = new Map();
  const isPublic = new Set();

  const visit = (file, name) => {
    const { declarations, imports } = read(file);
    const texts = declarations.get(name);
    if (texts === undefined) {
      const source = imports.get(name) ?? read(file).reexports.get(name);
      if (source === undefined) return undefined;
      if (source.file === undefined) throw new Error(`${file}: the public types need ${name} of ${source.from}`);
      if (source.name !== name) throw new Error(`${file}: ${source.name} is imported as ${name}; keep its name`);
      return visit(source.file, source.name);
    }
    const known = chosen.get(name);
    if (known !== undefined) {
      if (known.file !== file) throw new Error(`two declarations of ${name}: ${known.file} and ${file}`);
      return name;
    }
    chosen.set(name, { file, texts });
    for (const word of wordsOf(texts.join('\n'))) {
      if (word !== name && (declarations.has(word) || imports.has(word))) visit(file, word);
    }
    return name;
  };

  const { declarations, reexports } = read(entry);
  for (const name of reexports.keys()) {
    if (visit(entry, name) === undefined) throw new Error(`${entry}: nothing declares ${name}`);
    isPublic.add(name);
  }
  for (const [name, texts] of declarations) {
    if (!texts.some((text) => withoutComments(text).trimStart().startsWith('export '))) continue;
    visit(entry, name);
    isPublic.add(name);
  }
  const sections = [...chosen].map(([name, { texts }]) =>
    texts.map((text) => withExport(text, isPublic.has(name))).join('\n'),
  );
  return `${sections.join('\n\n')}\n\nexport {};\n`;
}

/** The declarations of a file by name (overloads together), and where its other names come from. */
function readDeclarations(file, packages) {
  const declarations = new Map();
  const imports = new Map();
  const reexports = new Map();
  for (const statement of statementsOf(readFileSync(file, 'utf8'))) {
    const code = withoutComments(statement).trim();
    const [target, list, from] = importing.test(code)
      ? [imports, ...importing.exec(code).slice(1)]
      : reexport.test(code)
        ? [reexports, ...reexport.exec(code).slice(1)]
        : [];
    if (target !== undefined) {
      for (const part of list.split(',').map((text) => text.trim().replace(/^type /, ''))) {
        if (part === '') continue;
        const [name, local = name] = part.split(' as ');
        target.set(local, { file: resolve(file, from, packages), name, from });
      }
      continue;
    }
    const all = reexportAll.exec(code)?.[1];
    if (all !== undefined) {
      const from = readDeclarations(resolve(file, all, packages), packages);
      if (from.declarations.size > 0) throw new Error(`${file}: ${all} declares something; name what is exported`);
      for (const [name, source] of from.reexports) reexports.set(name, source);
      continue;
    }
    const name = declaration.exec(code)?.[1];
    if (name !== undefined) declarations.set(name, [...(declarations.get(name) ?? []), statement]);
    else if (code !== '' && code !== 'export {};') throw new Error(`${file}: cannot roll up ${code.split('\n')[0]}`);
  }
  return { declarations, imports, reexports };
}

/** tsc writes each statement from the first column; a comment above belongs to what follows. */
function statementsOf(text) {
  // The sentence that opens a source file speaks of the file.
  const body = text.replace(/^\/\*\*(?:[^*]|\*(?!\/))*\*\/\n/, '');
  const statements = [];
  let current = [];
  let inComment = false;
  const flush = () => {
    if (current.some((line) => line.trim() !== '')) statements.push(current.join('\n'));
    current = [];
  };
  for (const line of body.split('\n')) {
    const startsComment = line.startsWith('/**');
    const startsStatement = /^(?:import|export|declare|interface|type|class|abstract|const|function) ?/.test(line);
    const hasCode = current.some((held) => !/^(?:\/\*\*| \*)/.test(held) && held.trim() !== '');
    if (!inComment && (startsComment || startsStatement) && hasCode) flush();
    current.push(line);
    if (startsComment) inComment = true;
    if (line.includes('*/')) inComment = false;
  }
  flush();
  return statements;
}

function resolve(file, from, packages) {
  if (!from.startsWith('.')) return packages[from];
  const target = join(dirname(file), from.replace(/\.ts$/, '.d.ts'));
  if (!existsSync(target)) throw new Error(`${file}: ${from} was not emitted`);
  return target;
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, '');
}

/** The names a declaration may refer to; words in quotes are values. */
function wordsOf(text) {
  const code = withoutComments(text).replace(/'(?:[^'\\]|\\.)*'/g, "''");
  return new Set(code.match(/[A-Za-z_$][\w$]*/g));
}

function withExport(text, isPublic) {
  const comment = /^(?:\s*\/\*\*[\s\S]*?\*\/\s*)?/.exec(text)?.[0] ?? '';
  const code = text
    .slice(comment.length)
    .replace(/^export /, '')
    .replace(/^declare /, '');
  const isType = /^(?:interface|type) /.test(code);
  return `${comment.trimStart()}${isPublic ? 'export ' : ''}${isType ? '' : 'declare '}${code.trimEnd()}`;
}
