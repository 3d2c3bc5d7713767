/** Who may open what. The same table, for people, is the code map of src/README.md. */
export interface Room {
  /** Doors of other rooms that it may open; `*` is all of them. */
  opens: readonly string[]
  /** Packages from npm, by name; `@scope/*` is a whole scope, `*` all. */
  packages: readonly string[]
  /** Packages it may take types from, and nothing that exists at run time. */
  typesOnly?: readonly string[]
  /** Node's modules; left out, all of them. */
  nodeModules?: readonly string[]
  /** Files, by pattern, that stand at the edge of a pure room and may do I/O. */
  edge?: RegExp
  /** Files that must compute what they import; the table says why. */
  computes?: RegExp
  /** Files that are a process of their own, and so may end it. */
  processes?: RegExp
  /** It runs in somebody else's process: no console output either. */
  guest?: boolean
  /** Files of a guest that may say something on standard error all the same. */
  speaks?: RegExp
}

const NATS = ['@nats-io/jetstream', '@nats-io/transport-node', '@nats-io/nkeys']
const OTEL_API = '@opentelemetry/api'
const HTTP = ['hono', '@hono/node-server']
/** What computes without touching the world. */
const PURE = ['node:crypto', 'node:buffer']

export const ROOMS: Readonly<Record<string, Room>> = {
  contract: { opens: [], packages: [], nodeModules: PURE },
  runtime: { opens: ['contract'], packages: ['pino', 'yaml', '@opentelemetry/*', '@hono/node-server'] },
  policy: {
    opens: ['contract'],
    packages: ['@bufbuild/cel', 're2js', 'yaml'],
    nodeModules: PURE,
    edge: /^command\.ts$/,
  },
  ledger: {
    opens: ['contract'],
    packages: NATS,
    nodeModules: PURE,
    edge: /^(tail|stream|storage|nats|export)\b/,
  },
  warrant: { opens: ['contract'], packages: [], nodeModules: PURE },
  gate: {
    opens: ['contract', 'policy', 'warrant'],
    packages: ['@nats-io/transport-node', OTEL_API],
    guest: true,
  },
  identity: { opens: ['contract', 'runtime'], packages: ['jose', 'openid-client', 'oidc-provider', ...HTTP] },
  broker: {
    opens: ['contract', 'policy', 'ledger', 'warrant', 'warrant/issue', 'identity', 'runtime'],
    packages: [...NATS, '@nats-io/jwt', OTEL_API, 'diff', 'yaml'],
  },
  desk: { opens: ['contract', 'runtime'], packages: [...NATS, OTEL_API] },
  api: { opens: ['contract', 'desk', 'identity', 'runtime'], packages: [...HTTP, OTEL_API] },
  console: { opens: ['contract', 'desk', 'identity', 'store', 'runtime'], packages: [...HTTP, OTEL_API] },
  channels: {
    opens: ['contract', 'desk', 'identity', 'runtime'],
    packages: [...NATS, ...HTTP, OTEL_API],
  },
  store: {
    opens: ['contract', 'runtime'],
    packages: ['@clickhouse/client', 'chdb', OTEL_API],
    // chdb does not export the loader of its native part.
    computes: /^engine\/native\.ts$/,
    processes: /^engine\/child\.ts$/,
  },
  pipeline: {
    opens: ['contract', 'policy', 'ledger', 'warrant', 'store', 'runtime'],
    packages: [...NATS, ...HTTP, '@bufbuild/protobuf', OTEL_API],
  },
  gateway: { opens: ['contract', 'gate', 'warrant', 'runtime'], packages: [OTEL_API, 'diff'] },
  seed: { opens: ['contract', 'policy', 'ledger', 'store', 'runtime'], packages: [] },
  main: { opens: ['*'], packages: ['*'] },
  instrumentation: {
    opens: ['contract', 'gate'],
    packages: ['es-module-lexer', OTEL_API],
    typesOnly: [
      '@openai/agents',
      '@openai/agents-core',
      '@modelcontextprotocol/sdk',
      '@modelcontextprotocol/client',
      'fastify',
      'hono',
    ],
    guest: true,
    speaks: /^say\.ts$/,
    processes: /^child-process\/(shim|ask|program)\.ts$/,
  },
  /** Programs as users write them: they know nothing of us. */
  examples: { opens: [], packages: ['*'] },
  dashboards: { opens: [], packages: [] },
  deploy: { opens: [], packages: [] },
  test: { opens: ['*'], packages: ['*'] },
}

/** Doors that `*` does not open: who signs is said by name. */
export const NAMED_ONLY: Readonly<Record<string, readonly string[]>> = {
  'warrant/issue': ['broker', 'test'],
  broker: ['main', 'test'],
  'policy/command': ['main', 'test'],
  // It loads what lies before somebody's program.
  'instrumentation/inspect': ['main', 'test'],
}
