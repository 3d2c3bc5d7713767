import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { applyEdits, type Edit, editsOf, type Guard, ROOT } from '../support/guards.ts'
import type { Runnable } from '../support/runner.ts'

const campaigns = await Promise.all(
  readdirSync(import.meta.dirname)
    .flatMap((file) => /^(?!run\.)([\w-]+)\.ts$/.exec(file)?.[1] ?? [])
    .map(async (name) => ({
      name,
      ...((await import(join(import.meta.dirname, `${name}.ts`))) as Runnable),
    })),
)
const guarded = campaigns.flatMap(({ name, guards = [] }) =>
  guards.map((guard) => ({ campaign: name, guard })),
)
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

test('guards - every campaign has some: without one that must fail, a pass means nothing', () => {
  // The campaign of that name is the control of another one.
  for (const { name, guards = [] } of campaigns.filter((one) => one.name !== 'guards'))
    expect(guards.length, name).toBeGreaterThan(0)
})

test.each(guarded)(
  'guards - $campaign: $guard.name is one check of the source, and changes it',
  ({ guard }) => {
    for (const edit of editsOf(guard)) {
      expect(edit.file).toMatch(/^(src|instrumentation)\//)
      const source = read(edit.file)
      expect(applyEdits(source, [edit])).not.toBe(source)
    }
  },
)

test.each(guarded)('guards - $campaign: without $guard.name the source can be loaded', ({ guard }) => {
  for (const [file, edits = []] of Map.groupBy(editsOf(guard), (edit) => edit.file))
    expect(() => stripTypeScriptTypes(applyEdits(read(file), edits))).not.toThrow()
})

test('guards - within a campaign no two have one name, and each says what it protects from', () => {
  for (const { guards = [] } of campaigns) {
    const names = guards.map(({ name }: Guard) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { about } of guards) expect(about).toMatch(/^[A-Z].*\.$/)
  }
})

describe('an edit', () => {
  const edit: Edit = { file: 'a.ts', find: 'await ', replace: 'void ' }

  test.each([
    ['is refused where the source does not have it', 'run()', edit],
    ['is refused where the source has it twice', 'await a(); await b()', edit],
    ['is refused where the source has too few of them', 'await a()', { ...edit, occurrence: 1 }],
  ])('guards - an edit %s', (_, source, change) => {
    expect(() => applyEdits(source, [change])).toThrow(/a\.ts: "await " occurs \d times/)
  })

  test('guards - an edit replaces its text and nothing else, `$&` included', () => {
    expect(applyEdits('x(); await a()', [{ ...edit, replace: '$& ' }])).toBe('x(); $& a()')
    expect(applyEdits('await a(); await b()', [{ ...edit, occurrence: 1 }])).toBe('await a(); void b()')
  })
})
