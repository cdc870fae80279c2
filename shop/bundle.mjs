/**
 * Bundles services into src/<service>/dist, one file each: `npm run bundle` for all, `npm run bundle -- frontend` for one.
 * The gRPC contract is compiled from proto/ into the bundle, so that no service parses .proto files when it starts.
 */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import protobuf from 'protobufjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const all = readdirSync(join(root, 'src')).filter((name) => existsSync(join(root, 'src', name, 'Dockerfile')));
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`no service ${unknown}: choose from ${all.join(', ')}`);
  process.exit(2);
}

const contract = new protobuf.Root();
for (const file of ['demo.proto', 'health.proto'])
  protobuf.parse(readFileSync(join(root, 'proto', file), 'utf8'), contract);

/** `virtual:contract` is the compiled contract; grpc-js loads .proto files only for channelz, which is off. */
const plugin = {
  name: 'contract',
  setup(bundle) {
    bundle.onResolve({ filter: /^virtual:contract$|^@grpc\/proto-loader$/ }, ({ path }) => ({
      path,
      namespace: 'contract',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'contract' }, ({ path }) =>
      path === 'virtual:contract'
        ? { contents: JSON.stringify(contract.toJSON()), loader: 'json' }
        : { contents: 'exports.loadSync = () => { throw new Error("channelz is off"); };', loader: 'js' },
    );
  },
};

for (const service of wanted.length > 0 ? wanted : all) {
  const folder = join(root, 'src', service);
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  const entryPoints = ['main', 'store'].map((name) => join(folder, `${name}.ts`)).filter((file) => existsSync(file));
  await build({
    entryPoints,
    outdir: join(folder, 'dist'),
    absWorkingDir: root,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    outExtension: { '.js': '.cjs' },
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [plugin],
    loader: { '.css': 'text' },
  });
  console.log(`bundled ${service}`);
}
