import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { committedFiles } from '../support/grafana/board.ts'
import { generateDashboards, printed } from '../support/grafana/generate.ts'
import { ensureJsonnet, isFit, type JsonnetDeps, WANTED_JSONNET } from '../support/grafana/jsonnet.ts'

// Before any test's time runs: the first time, jsonnet may have to be built.
const generated = generateDashboards()

test('dashboards - what is committed is what the library makes, and nothing else', () => {
  const made = Object.fromEntries(
    Object.entries(generated.files).map(([name, content]) => [name, printed(content)]),
  )
  const committed = committedFiles()
  expect(Object.keys(made).length).toBeGreaterThan(3)
  // Alerts are YAML, and have a test of their own.
  expect(Object.keys(committed).filter((name) => name.endsWith('.json'))).toEqual(Object.keys(made).sort())
  for (const [name, text] of Object.entries(made))
    expect(text === committed[name], `${name}: npm run generate`).toBe(true)
})

describe.skipIf(process.platform === 'win32')('where jsonnet comes from', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'holdpoint-jsonnet-'))
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  /** A machine with these programs on its PATH and no others; each is a text for the shell. */
  function machine(name: string, programs: Record<string, string>): JsonnetDeps & { said: string[] } {
    const bin = join(dir, name, 'bin')
    mkdirSync(bin, { recursive: true })
    for (const program of ['sh', 'mkdir', 'cat', 'chmod']) symlinkSync(`/bin/${program}`, join(bin, program))
    for (const [program, script] of Object.entries(programs)) put(join(bin, program), script)
    const said: string[] = []
    return { env: { PATH: bin }, cache: join(dir, name, 'cache'), say: (text) => said.push(text), said }
  }
  const put = (path: string, script: string): void => {
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
  }
  const says = (version: string): string => `echo "Jsonnet commandline interpreter ${version}"`
  const building = `[ "$1" = version ] || { printf '#!/bin/sh\\n${says(`(Go implementation) v${WANTED_JSONNET}`)}' > "$GOBIN/jsonnet"; chmod 755 "$GOBIN/jsonnet"; }`
  const FETCHED = '[ "$1" = --version ] || cat /dev/null > jsonnet.deb'
  const nothing = { 'apt-get': 'exit 100' }

  test('jsonnet - one on the PATH is used, of either implementation', () => {
    for (const version of ['v0.18.0', '(Go implementation) v0.22.0', 'v1.0.0']) {
      const here = machine(`path ${version}`, { ...nothing, jsonnet: says(version) })
      expect(ensureJsonnet(here)).toBe(join(here.env.PATH ?? '', 'jsonnet'))
    }
  })

  test('jsonnet - one that is too old is not used: Go builds another, once', () => {
    const here = machine('old', { ...nothing, jsonnet: says('v0.17.0'), go: building })
    expect(ensureJsonnet(here)).toBe(join(here.cache, 'jsonnet'))
    expect(ensureJsonnet(here)).toBe(join(here.cache, 'jsonnet'))
    expect(here.said).toEqual([expect.stringContaining(`building jsonnet ${WANTED_JSONNET}`)])
  })

  test('jsonnet - where Go fails, the distribution’s is unpacked', () => {
    const here = machine('apt', {
      go: '[ "$1" = version ]',
      'apt-get': FETCHED,
      dpkg: `mkdir -p usr/bin; printf '#!/bin/sh\\n${says('v0.18.0')}' > usr/bin/jsonnet; chmod 755 usr/bin/jsonnet`,
    })
    expect(isFit(ensureJsonnet(here))).toBe(true)
    expect(here.said.join()).toMatch(/building.*could not build it.*distribution/)
  })

  test.for([
    ['nothing at all', {}],
    ['a jsonnet that cannot be started', { jsonnet: 'exit 1' }],
    ['a jsonnet that is something else', { jsonnet: 'echo hello' }],
    ['a Go that builds nothing', { go: 'exit 0' }],
    ['a package that holds nothing', { 'apt-get': FETCHED, dpkg: 'exit 0' }],
  ] as [why: string, programs: Record<string, string>][])(
    'jsonnet - with %s, it is said what to do',
    ([why, programs]) => {
      expect(() => ensureJsonnet(machine(why, { ...nothing, ...programs }))).toThrow(
        /install Go .*\n.*put jsonnet 0\.18 or newer on your PATH/,
      )
    },
  )
})
