/** A real control plane for the campaign: the one of a kubeconfig, or one that is built and started here. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** `{ kubeconfig, dispose }`, or `{ missing }` with what to do. */
export async function startRealCluster({ root, kubeconfig, tools }) {
  if (kubeconfig !== undefined) return { kubeconfig };
  const bundle = mkdtempSync(join(root, 'node_modules', '.adoption-'));
  try {
    const outfile = join(bundle, 'real.mjs');
    const folder = './packages/cluster/src/conformance/real';
    await build({
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20.19',
      logLevel: 'warning',
      absWorkingDir: root,
      external: ['lmdb'],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      loader: { '.gz': 'binary', '.cjs': 'text', '.yaml': 'text' },
      outfile,
      stdin: {
        contents: `export * from '${folder}/build.ts'; export * from '${folder}/control-plane.ts'; export { systemClock } from '@towpath/kit';`,
        resolveDir: root,
      },
    });
    const { buildReal, startRealControlPlane, systemClock } = await import(pathToFileURL(outfile).href);
    const paths = await buildReal(programs, { folder: tools, say: (line) => console.log(line) });
    const plane = await startRealControlPlane({ programs: paths, clock: systemClock });
    return { kubeconfig: plane.kubeconfigFile, dispose: () => plane.dispose() };
  } catch (error) {
    if (error.code !== 'GO_MISSING') throw error;
    return { missing: `${error.message}; ${error.next}` };
  } finally {
    rmSync(bundle, { recursive: true, force: true });
  }
}
