import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Most of a command's time is reading its own modules: the hundreds of processes that tests start share what was read.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/node')

/** `npm run test:package`: installs what is published from the registry, into clean folders. */
const PACKAGE = ['test/main/pack.test.ts']
/** `npm run test:campaigns`: a short slice of each campaign, which is mostly load. */
const SLICES = ['test/campaign/slices.test.ts']

// Theirs are `npm run test:browser`, for a Chromium has to be there, and `npm run test:collector`, which builds one.
const OTHERS = ['test/browser/**', 'test/collector/**', ...PACKAGE, ...SLICES]

/** They register for the whole process what stays in modules: a tracer, a meter, hooks into the loading of modules. */
const APART = [
  'test/broker/telemetry.test.ts',
  'test/gate/{allowed,broker-knows,gate,hostile-arguments,permit,real-broker,told-frozen}.test.ts',
  'test/instrumentation/**/*.test.ts',
  'test/pipeline/{found,honest,receiver-count}.test.ts',
]

export default defineConfig({
  test: {
    // Real servers and a real engine start in these tests, and much of the time one waits for another.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    // What a test waits for comes at once, and on a busy machine later: nobody fails for the second that is preset.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      { extends: true, test: { name: 'apart', include: APART, exclude: OTHERS } },
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...OTHERS, ...APART],
          // One process after another reads the same modules: read by each file anew, they were a quarter of the whole.
          isolate: false,
          setupFiles: 'test/support/nothing-left.ts',
        },
      },
      { extends: true, test: { name: 'package', include: PACKAGE } },
      { extends: true, test: { name: 'campaigns', include: SLICES } },
    ],
  },
})
