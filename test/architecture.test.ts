import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOMS } from './support/architecture/rooms.ts'
import { findViolations, LONGEST_FILE } from './support/architecture/rules.ts'

const root = resolve(import.meta.dirname, '..')
const files = globSync('{src,instrumentation,dashboards,deploy,test}/**/*.*', { cwd: root }).map((file) =>
  file.replaceAll('\\', '/'),
)
const sources = files.filter((file) => /\.m?[jt]s$/.test(file))
const read = (file: string) => readFileSync(resolve(root, file), 'utf8')

describe('this project', () => {
  test('architecture - every source file keeps to the rules', () => {
    expect(sources.length).toBeGreaterThan(20)
    expect(sources.flatMap((file) => findViolations(file, read(file)))).toEqual([])
  })

  test('architecture - there is no package.json below the root, because it would close the doors', () => {
    expect(files.filter((file) => file.endsWith('/package.json'))).toEqual([])
  })

  test('architecture - every door in package.json leads into the room it is named after', () => {
    for (const [door, target] of Object.entries(
      JSON.parse(read('package.json')).imports as Record<string, string>,
    )) {
      const [room = '', second = 'index'] = door.slice(1).split('/')
      expect(Object.keys(ROOMS)).toContain(room)
      expect(target).toBe(`./${room === 'instrumentation' ? '' : 'src/'}${room}/${second}.ts`)
    }
  })

  test('architecture - the code map of src/README.md says the same as the table', () => {
    const rows = [...read('src/README.md').matchAll(/^\| `([\w./]+)` \|[^|]*\| ([^|]*) \|$/gm)]
    const written = rows.map(([, name = '', opens = '']) => [name.replace('../', ''), opens.trim()] as const)
    expect(written.length).toBeGreaterThan(10)
    for (const [name, opens] of written) {
      const inTable = ROOMS[name]?.opens.map((door) => (door === 'warrant/issue' ? '`#warrant/issue`' : door))
      expect([name, opens]).toEqual([name, expectedText(inTable)])
    }
  })

  test('architecture - plain JavaScript is for browsers, and for what runs before the packages are there', () => {
    const isPlain = (file: string): boolean =>
      /^src\/main\/(launch|setup[\w-]*)\.mjs$/.test(file) || /^src\/\w+\/assets\/[\w-]+\.js$/.test(file)
    expect(files.filter((file) => /^src\/.*\.(c|m)?js$/.test(file) && !isPlain(file))).toEqual([])
    expect(files.filter((file) => /\.[jt]sx$/.test(file))).toEqual([])
  })
})

function expectedText(opens: readonly string[] | undefined): string {
  if (opens === undefined) return 'a room that the table knows'
  if (opens.includes('*')) return 'everything'
  return opens.length === 0 ? '–' : opens.join(', ')
}

describe('the rules bite', () => {
  const refused: [why: string, path: string, source: string, message: string][] = [
    ['a room that may not be opened', 'src/desk/a.ts', "import { x } from '#broker'", 'may not open #broker'],
    ['types from such a room', 'src/gate/a.ts', "import type { X } from '#runtime'", 'may not open #runtime'],
    ['a type in passing', 'src/gate/a.ts', "let x: import('#broker').X", 'may not open #broker'],
    ['a re-export', 'src/policy/a.ts', "export * from '#ledger'", 'may not open #ledger'],
    ['a named re-export', 'src/policy/a.ts', "export { a } from '#ledger'", 'may not open #ledger'],
    ['a dynamic import', 'src/pipeline/a.ts', "await import('#broker')", 'may not open #broker'],
    ['a template without a hole', 'src/pipeline/a.ts', 'await import(`#broker`)', 'may not open #broker'],
    ['a computed import', 'src/gate/a.ts', "await import('#bro' + 'ker')", 'computed'],
    ['a require', 'instrumentation/a.ts', "require('pino')", 'may not use the package pino'],
    [
      'signing outside the broker',
      'src/main/a.ts',
      "import { s } from '#warrant/issue'",
      'may not open #warrant/issue',
    ],
    [
      'signing by a verifier',
      'src/pipeline/a.ts',
      "import { s } from '#warrant/issue'",
      'may not open #warrant/issue',
    ],
    ['a door that does not exist', 'src/main/a.ts', "import { s } from '#cellar'", 'may not open #cellar'],
    ['its own door', 'src/gate/a.ts', "import { s } from '#gate'", 'may not open #gate'],
    [
      'a relative import of another room',
      'src/gate/a.ts',
      "import { x } from '../broker/x.ts'",
      'leaves the room',
    ],
    [
      'the same by a detour',
      'src/gate/a.ts',
      "import { x } from './../gate/../broker/x.ts'",
      'leaves the room',
    ],
    [
      'a room whose name begins alike',
      'src/gate/a.ts',
      "import { x } from '../gateway/x.ts'",
      'leaves the room',
    ],
    [
      'a relative import without extension',
      'src/gate/a.ts',
      "import { x } from './x'",
      'needs its extension',
    ],
    ['an absolute path', 'src/gate/a.ts', "import { x } from '/etc/x.ts'", 'absolute path'],
    ['a package not on the list', 'src/gate/a.ts', "import pino from 'pino'", 'may not use the package pino'],
    [
      'a subpath of such a package',
      'src/gate/a.ts',
      "import x from '@hono/node-server/x'",
      'may not use the package @hono/node-server',
    ],
    [
      'Node without its prefix',
      'src/policy/a.ts',
      "import { readFileSync } from 'fs'",
      'may not use the package fs',
    ],
    [
      'a framework at run time',
      'instrumentation/a.ts',
      "import { Agent } from '@openai/agents'",
      'for more than its types',
    ],
    [
      'more than the type of a command',
      'src/policy/command.ts',
      "import { createLog } from '#runtime'",
      'may not open #runtime',
    ],
    ['I/O in contract', 'src/contract/a.ts', "import { readFileSync } from 'node:fs'", 'does no I/O'],
    ['I/O in policy', 'src/policy/a.ts', "import { connect } from 'node:net'", 'does no I/O'],
    [
      'I/O in the ledger’s core',
      'src/ledger/proof.ts',
      "import { open } from 'node:fs/promises'",
      'does no I/O',
    ],
    ['I/O in warrant', 'src/warrant/a.ts', "import { request } from 'node:https'", 'does no I/O'],
    ['process.exit', 'src/broker/a.ts', 'process.exit(1)', 'process.exit outside main'],
    [
      'process.exit in brackets',
      'src/broker/a.ts',
      "globalThis.process['exit'](1)",
      'process.exit outside main',
    ],
    [
      'console output of a guest',
      'src/gate/a.ts',
      "console.warn('held')",
      "console.warn in somebody else's process",
    ],
    [
      'standard error of a guest',
      'instrumentation/a.ts',
      "process.stderr.write('x')",
      "process.stderr in somebody else's process",
    ],
    ['the process by another name', 'src/gate/a.ts', "import { exit } from 'node:process'", 'use the global'],
    ['a default export', 'src/desk/a.ts', 'export default 1', 'exports a default'],
    [
      'a default by another name',
      'src/desk/a.ts',
      'const a = 1\nexport { a as default }',
      'exports a default',
    ],
    ['what cannot be parsed', 'src/desk/a.ts', 'export const a = {', 'cannot be parsed'],
    ['a file too long', 'src/desk/a.ts', '\n'.repeat(LONGEST_FILE + 1), 'more than 300'],
    ['an unfinished file', 'src/desk/a.ts', `// ${'TO'}${'DO'} later`, 'is unfinished'],
    ['a folder that is no room', 'src/utils/a.ts', 'export const a = 1', 'stands in no room'],
    ['a file beside the rooms', 'src/a.ts', 'export const a = 1', 'stands in no room'],
    [
      'a test behind a foreign door',
      'test/gate/a.test.ts',
      "import { x } from '../../src/broker/x.ts'",
      'leaves the room',
    ],
  ]
  test.for(refused)('architecture - refused is %s', ([, path, source, message]) => {
    expect(findViolations(path, source).join('\n')).toContain(message)
  })

  const accepted: [why: string, path: string, source: string][] = [
    [
      'a door on the list',
      'src/gate/a.ts',
      "import { a } from '#warrant'\nexport type { B } from '#contract'",
    ],
    [
      'the signing door in the broker',
      'src/broker/enrolment/a.ts',
      "import { signDocument } from '#warrant/issue'",
    ],
    ['a relative import inside the room', 'src/broker/enrolment/a.ts', "import { a } from '../requests.ts'"],
    ['digests in a pure room', 'src/contract/a.ts', "import { createHash } from 'node:crypto'"],
    ['storage at the ledger’s edge', 'src/ledger/tail.ts', "import { open } from 'node:fs/promises'"],
    [
      'the type of a command in a pure room',
      'src/policy/command.ts',
      "import type { Command } from '#runtime'",
    ],
    ['types of a framework', 'instrumentation/a.ts', "import type { Agent } from '@openai/agents'"],
    [
      'what only looks like an import',
      'src/gate/a.ts',
      "// import '#broker'\nexport const a = `import '#broker'`",
    ],
    ['an end of the process in main', 'src/main/a.ts', "import { a } from '#broker'\nprocess.exit(1)"],
    [
      'a test behind the door that it mirrors',
      'test/gate/a.test.ts',
      "import { x } from '../../src/gate/x.ts'",
    ],
  ]
  test.for(accepted)('architecture - accepted is %s', ([, path, source]) => {
    expect(findViolations(path, source)).toEqual([])
  })
})
