/**
 * An esbuild plugin: modules whose code runs when one of their functions is first called, not when they are imported.
 *
 * Most charts need no certificates, no bcrypt, no TOML: running the top level of those libraries would be most of the
 * start of a small command. An import of such a module gives functions that forward, classes and objects behind a Proxy;
 * constants are written down at build.
 */

import { createRequire, isBuiltin } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const helper = `
export function lazyClass(load, name) {
  const target = () => load()[name];
  return new Proxy(function () {}, {
    get: (_stub, key) => target()[key],
    has: (_stub, key) => key in target(),
    getPrototypeOf: () => Object.getPrototypeOf(target()),
    apply: (_stub, self, args) => Reflect.apply(target(), self, args),
    construct: (_stub, args, made) => Reflect.construct(target(), args, made),
  });
}
export function lazyNamespace(load) {
  return new Proxy({}, { get: (_stub, key) => load()[key], has: (_stub, key) => key in load() });
}
`;

/** `isLazy(path)` is asked for a package's or built-in module's name, or a file's path in the repository. */
export function lazyModules(isLazy) {
  const inner = 'lazy-module';
  const required = 'lazy-required-module';
  return {
    name: inner,
    setup(build) {
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.kind === 'entry-point' || args.pluginData === inner) return undefined;
        if (args.path === 'lazy-helper') return { path: 'lazy-helper', namespace: 'lazy-helper' };
        if (isBuiltin(args.path)) {
          if ([inner, required].includes(args.namespace) || !isLazy(args.path))
            return { path: args.path, external: true };
          return { path: args.path, namespace: args.kind === 'require-call' ? required : inner };
        }
        const options = {
          kind: args.kind,
          importer: args.importer,
          resolveDir: args.resolveDir,
          namespace: 'file',
          pluginData: inner,
        };
        // What a lazy module imports runs with it.
        if ([inner, required].includes(args.namespace) || isLazy(relative(root, args.importer))) return undefined;
        const found = await build.resolve(args.path, options);
        const name = args.path.startsWith('.') ? relative(root, found.path) : args.path;
        if (found.errors.length > 0) return undefined;
        if (found.external || !isLazy(name)) return found;
        return { path: found.path, namespace: inner };
      });
      build.onLoad({ filter: /.*/, namespace: 'lazy-helper' }, () => ({ contents: helper, loader: 'js' }));
      build.onLoad({ filter: /.*/, namespace: required }, ({ path }) => ({
        contents: namespaceText(path),
        loader: 'js',
        resolveDir: root,
      }));
      build.onLoad({ filter: /.*/, namespace: inner }, async ({ path }) => ({
        contents: await moduleText(path),
        loader: 'js',
        resolveDir: root,
      }));
    },
  };
}

function namespaceText(path) {
  return `const { lazyNamespace } = require('lazy-helper');
module.exports = lazyNamespace(() => require(${JSON.stringify(path)}));`;
}

/** Its exports, each as what it is. */
async function moduleText(path) {
  const exported = Object.entries(await load(path)).filter(([name]) => /^[a-z_$][\w$]*$/i.test(name));
  const lines = exported.map(([name, value]) => {
    const key = JSON.stringify(name);
    const local = name === 'default' ? 'export default' : `export const ${name} =`;
    if (typeof value !== 'function') {
      // A constant of the system: not the same everywhere.
      if (isBuiltin(path) && typeof value !== 'object') return '';
      if (typeof value === 'object') return `${local} lazyNamespace(() => load()[${key}]);`;
      return `${local} ${JSON.stringify(value)};`;
    }
    if (/^class\b/.test(Function.prototype.toString.call(value)) || Object.keys(value).length > 0)
      return `${local} lazyClass(load, ${key});`;
    return `${local} (...args) => load()[${key}](...args);`;
  });
  return `import { lazyClass, lazyNamespace } from 'lazy-helper';
const load = () => require(${JSON.stringify(path)});
${lines.join('\n')}`;
}

/** Libraries of which no top level is wanted here. */
const external = ['lmdb', '@kubernetes/client-node'];

async function load(path) {
  if (isBuiltin(path)) return import(path);
  const folder = await mkdtemp(join(root, 'node_modules', '.lazy-'));
  try {
    const outfile = join(folder, 'module.cjs');
    await bundle({
      entryPoints: [path],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'error',
      external,
    });
    return createRequire(outfile)(outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
