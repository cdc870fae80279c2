import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/dashboard/{web,server}/**/*.test.{ts,tsx}',
      'scripts/**/*.test.ts',
    ],
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    maxWorkers: 2,
  },
});
