import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Theirs are `npm run test:browser`, for a Chromium has to be there, and `npm run test:collector`, which builds one.
    exclude: ['test/browser/**', 'test/collector/**'],
    // Real servers and a real engine start in these tests: more of them at once than cores only makes all slow.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
})
