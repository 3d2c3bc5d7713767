import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Most of a command's time is reading its own modules: the hundreds of processes that tests start share what was read.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/node')

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
