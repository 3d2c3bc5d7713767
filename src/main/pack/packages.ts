/** One package that is published. What it holds and depends on follows from its entries. */
export interface Package {
  name: string
  /** Its folder below dist. */
  folder: string
  /** Where it is not that of the clone. */
  description?: string
  /** Every file that somebody imports, runs or forks. With it comes what it imports, and nothing else. */
  entries: readonly string[]
  /** Import paths and the files behind them. None: a program, which nobody imports. */
  exports: Readonly<Record<string, string>>
  /** Programs and the files behind them. */
  bin: Readonly<Record<string, string>>
  /** The oldest Node on which it runs. */
  node: string
  /** What the application brings, since there must be one copy of it in a process. */
  peers: readonly string[]
  /** What is used where it is there, without being imported. */
  optionalPeers: readonly string[]
  /** Files that are copied as they are: from the root of the clone, to the root of the package. */
  files: Readonly<Record<string, string>>
}

const instrumentation: Package = {
  name: '@holdpoint/instrumentation',
  folder: 'instrumentation',
  description:
    'Holds the sensitive actions of an AI agent in its own process until a named person releases them.',
  entries: ['instrumentation/index.ts', 'instrumentation/register.ts'],
  exports: { '.': 'instrumentation/index.ts', './register': 'instrumentation/register.ts' },
  bin: {},
  // Synchronous module hooks that hook CommonJS as well: what `supportsSyncHooks` of import-in-the-middle asks for.
  node: '^22.22.3 || ^24.11.1 || >=25.1.0',
  peers: ['@opentelemetry/api'],
  optionalPeers: ['@opentelemetry/sdk-node'],
  files: { 'src/main/pack/instrumentation.md': 'README.md', LICENSE: 'LICENSE' },
}

const holdpoint: Package = {
  name: 'holdpoint',
  folder: 'holdpoint',
  entries: ['src/main/published.ts', 'src/main/doctor/inspect-child.ts', 'src/store/engine/child.ts'],
  exports: {},
  bin: { holdpoint: 'src/main/published.ts' },
  // That of the OpenTelemetry SDK.
  node: '>=22.15.0',
  peers: [],
  optionalPeers: ['chdb'],
  files: { 'README.md': 'README.md', LICENSE: 'LICENSE' },
}

export const packages: readonly Package[] = [instrumentation, holdpoint]
