import { defineConfig } from 'vitest/config';

const include = ['packages/*/src/**/*.test.ts', 'packages/dashboard/web/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts'];

/** Stories that start git or other programs, or go through many writes: most of the time of all tests. */
const stories = [
  'packages/cluster/src/conformance/recorded/recorded.test.ts',
  'packages/cli/src/system/own-repository.test.ts',
  'packages/cluster/src/node/cases/runtime.test.ts',
  'packages/git/src/**/*.test.ts',
  'packages/images/src/{automation,toolkit/controllers}.test.ts',
  'packages/pipeline/src/controller/pipelines.test.ts',
  'packages/releases/src/operator/operator.test.ts',
  'packages/rollouts/src/{controller,real-metrics,strategies}.test.ts',
  'packages/sources/src/reconcile.test.ts',
  'packages/sync/src/{flux,kustomization/controller}.test.ts',
  'scripts/try-package.test.ts',
];

/** `npm run check` runs the project `unit`; `npm test` runs both. */
export default defineConfig({
  test: {
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include, exclude: ['**/node_modules/**', ...stories] } },
      { extends: true, test: { name: 'stories', include: stories } },
    ],
  },
});
