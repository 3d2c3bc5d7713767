import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkPolicy, loadPolicy, parsePolicy } from '#policy'
import { refusals } from './support.ts'

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
const pieces = (text: string): string[] =>
  [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml as string)
const page = read('docs/policy.md')
const [whole = '', ...examples] = pieces(page)

/** The sections of a document at its top level, by their keys. */
const sections = (yaml: string): Map<string, string> =>
  new Map([...yaml.matchAll(/^([a-z]+):.*\n(?:[ #].*\n)*/gm)].map(([text, key]) => [key as string, text]))
const completed = (yaml: string): string =>
  [...new Map([...sections(whole), ...sections(yaml)]).values()].join('')

describe('policy documentation -', () => {
  test('the whole policy is one, of which nothing is to be said but that two groups wait for their rules', () => {
    expect(checkPolicy(parsePolicy(whole)).map(({ code }) => code)).toEqual(['UNUSED_GROUP', 'UNUSED_GROUP'])
  })

  test.each(examples.map((yaml) => [yaml.trim().split('\n').slice(0, 3).join(' '), yaml]))(
    'the example can be used, and loses nothing on the way: %s',
    (_start, yaml) => {
      const source = completed(yaml)
      for (const line of yaml.trim().split('\n')) expect(source).toContain(line)
      expect(loadPolicy(source, 1).version).toBe(1)
      const unintended = checkPolicy(parsePolicy(source))
        .filter(({ level }) => level === 'warning')
        .filter(({ code }) => code !== 'OBSERVED')
      expect(unintended).toEqual([])
    },
  )

  test('the README’s example can be used', () => {
    const [example = ''] = pieces(read('README.md')).filter((yaml) => yaml.startsWith('holdpoint: 1'))
    expect(checkPolicy(parsePolicy(example))).toEqual([])
  })

  test.each([
    ['at the top', 'x: 1'],
    ['of the defaults', 'defaults: { x: 1 }'],
    ['of approvals', 'defaults: { approvals: { x: 1 } }'],
    ['of a part', 'defaults: { approvals: { all: [{ x: 1 }, {}] } }'],
    ['of a rule', 'rules: [{ x: 1 }]'],
    ['of match', 'rules: [{ match: { x: 1 } }]'],
    ['of an escalation', 'rules: [{ escalate: [{ x: 1 }] }]'],
    ['of duties', 'duties: { x: 1 }'],
    ['of quotas', 'quotas: { x: 1 }'],
  ])('every key %s stands in an example', (_where, line) => {
    const [, keys = ''] =
      /expected one of the keys (.*)/.exec(refusals(`holdpoint: 1\n${line}\n`).join('\n')) ?? []
    expect(keys).not.toBe('')
    for (const key of keys.split(', '))
      expect([whole, ...examples].join('')).toMatch(new RegExp(`\\b${key}:`))
  })

  test('what it says are the values where nothing is said', () => {
    const { defaults, quotas } = parsePolicy(whole)
    const said = examples.filter((yaml) => /^(defaults:[\s\S]*timeout|quotas:)/.test(yaml)).map(completed)
    expect(said).toHaveLength(2)
    for (const source of said) {
      const policy = parsePolicy(source)
      expect(policy.quotas).toEqual(quotas)
      for (const key of ['timeoutMs', 'validForMs', 'rememberDenialMs'] as const)
        expect(policy.defaults[key]).toBe(defaults[key])
    }
  })

  test('every finding has its line', () => {
    const codes = [...read('src/policy/check.ts').matchAll(/^ {4}\| '([A-Z_]+)'$/gm)].map(
      ([, code]) => code as string,
    )
    expect(codes.length).toBeGreaterThan(10)
    for (const code of codes) expect(page).toContain(`\`${code}\``)
  })
})
