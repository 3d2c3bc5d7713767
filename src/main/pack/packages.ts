import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** One package that is published. What it holds and depends on follows from its entries. */
export interface Package {
  name: string
  /** Its folder below dist. */
  folder: string
  /** Where it is not that of the clone. */
  description?: string
  /** Every file that somebody imports, runs or forks. With it comes what it imports, and nothing else. */
  entries: readonly string[]
  /**
   * Where the start counts: all code that is not loaded later becomes one file, but for these, which run by being loaded
   * or are loaded alone. Absent: every file stays by itself.
   */
  apart?: readonly string[]
  /** Import paths and the files behind them. None: a program, which nobody imports. */
  exports: Readonly<Record<string, string>>
  /** Programs and the files behind them. */
  bin: Readonly<Record<string, string>>
  /** The oldest Node on which it runs. */
  node: string
  /** What the application brings, since there must be one copy of it in a process; in the versions that are tested. */
  peers: Readonly<Record<string, string>>
  /** What is used where it is there, without being imported. */
  optionalPeers: readonly string[]
  /** Files that are copied as they are: from the root of the clone, to the root of the package. */
  files: Readonly<Record<string, string>>
}

/** `./openai-agents` → instrumentation/openai-agents/index.ts: what has a folder has something to import by name. */
const doors = Object.fromEntries(
  readdirSync(join(import.meta.dirname, '../../../instrumentation'), { withFileTypes: true }).flatMap(
    (entry) =>
      entry.isDirectory() && existsSync(join(entry.parentPath, entry.name, 'index.ts'))
        ? [[`./${entry.name}`, `instrumentation/${entry.name}/index.ts`]]
        : [],
  ),
)

/** Apart from their room's door: the types of each name a framework that only its user has. */
const guards = Object.fromEntries(
  ['hono', 'express', 'fastify'].map((name) => [`./resource/${name}`, `instrumentation/resource/${name}.ts`]),
)

const instrumentation: Package = {
  name: '@holdpoint/instrumentation',
  folder: 'instrumentation',
  description:
    'Holds the sensitive actions of an AI agent in its own process until a named person releases them.',
  entries: [
    'instrumentation/index.ts',
    'instrumentation/register.ts',
    'instrumentation/imported.ts',
    // What stands in for a held program is started by its path.
    'instrumentation/child-process/shim.ts',
    'instrumentation/child-process/ask.ts',
    ...Object.values({ ...doors, ...guards }),
  ],
  apart: [
    'instrumentation/register.ts',
    'instrumentation/child-process/shim.ts',
    'instrumentation/child-process/program.ts',
    'instrumentation/child-process/ask.ts',
  ],
  exports: {
    '.': 'instrumentation/index.ts',
    './register': 'instrumentation/register.ts',
    ...doors,
    ...guards,
  },
  bin: {},
  // Synchronous module hooks that leave CommonJS alone: see instrumentation/hooks.ts.
  node: '^22.22.3 || ^24.11.1 || >=25.1.0',
  // One of 1.9 goes with an SDK 2.x, one of 1.10 with 3.x.
  peers: { '@opentelemetry/api': '>=1.9.0 <2', '@opentelemetry/sdk-node': '>=0.200.0' },
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
  peers: {},
  optionalPeers: ['chdb'],
  files: { 'README.md': 'README.md', LICENSE: 'LICENSE' },
}

export const packages: readonly Package[] = [instrumentation, holdpoint]
