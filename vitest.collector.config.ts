import { defineConfig } from 'vitest/config'

/** What needs a real OpenTelemetry Collector, which `npm run test:collector` builds with Go. */
export default defineConfig({
  test: {
    include: ['test/collector/**/*.test.ts', 'test/deploy.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Whole installations start in these tests; on a busy machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
  },
})
