import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { instrumentations } from '#instrumentation'
import { select } from '../../instrumentation/selection.ts'
import { isWithin } from '../../instrumentation/versions.ts'

const ENABLED = 'HOLDPOINT_ENABLED_INSTRUMENTATIONS'
const DISABLED = 'HOLDPOINT_DISABLED_INSTRUMENTATIONS'
const named = (env: Record<string, string>) => {
  const { active, switchedOff } = select(instrumentations, env)
  return { active: active.map(({ name }) => name), switchedOff: switchedOff.map(({ name }) => name) }
}
const all = instrumentations.map(({ name }) => name)
const others = all.filter((name) => name !== 'mcp-client')

test('selection - everything is active where nothing is said', () => {
  expect(named({})).toEqual({ active: all, switchedOff: [] })
  expect(named({ [ENABLED]: ' ', [DISABLED]: ',' })).toEqual({ active: all, switchedOff: [] })
  expect(select(instrumentations, {})).toMatchObject({ unsupported: 'report', isSilent: false })
})

test('selection - names choose what is active, or what is not', () => {
  expect(named({ [ENABLED]: 'mcp-client' })).toEqual({ active: ['mcp-client'], switchedOff: others })
  expect(named({ [DISABLED]: ' mcp-client ,' })).toEqual({ active: others, switchedOff: ['mcp-client'] })
  expect(named({ [DISABLED]: all.join(', ') })).toEqual({ active: [], switchedOff: all })
})

test.each([
  [{ [ENABLED]: 'mcp' }, [ENABLED, '"mcp"', 'expected some of ', 'mcp-client', 'openai-agents']],
  [{ [DISABLED]: 'mcp-client,MCP-Client' }, [DISABLED, '"MCP-Client"']],
  [{ [DISABLED]: 'mcp-client openai-agents' }, ['"mcp-client openai-agents"']],
  [{ [ENABLED]: 'mcp-client', [DISABLED]: 'mcp-client' }, ['both set']],
  [{ HOLDPOINT_UNSUPPORTED: 'ignore' }, ['HOLDPOINT_UNSUPPORTED is "ignore"', 'report or refuse']],
  [{ HOLDPOINT_LOG: 'debug' }, ['HOLDPOINT_LOG is "debug"', 'on or off']],
  [{ HOLDPOINT_LOG: 'x', [ENABLED]: 'y' }, ['HOLDPOINT_LOG', ENABLED]],
])('selection - %j stops the start and is named', (env, words) => {
  let message = ''
  try {
    select(instrumentations, env as Record<string, string>)
  } catch (error) {
    message = (error as Error).message
  }
  for (const word of words) expect(message).toContain(word)
})

test.each([
  ['7.50.0', '>=7.50 <8', true],
  ['7.57.3', '>=7.50 <8', true],
  ['7.49.9', '>=7.50 <8', false],
  ['8.0.0', '>=7.50 <8', false],
  ['8.0.0-beta.1', '>=7.50 <8', false],
  ['7.60.0-rc.1', '>=7.50 <8', true],
  ['1.10.0', '>=1.9 <2', true],
  ['3.1.0', '>=1.20 <2 || >=3 <4', true],
  ['2.1.0', '>=1.20 <2 || >=3 <4', false],
  ['1.2.3', '1.2.3', true],
  ['1.2.4', '=1.2.3', false],
  ['1.2.3', '>1.2.3', false],
  ['1.2.3', '<=1.2.3', true],
  ['', '>=0', false],
  ['next', '>=0', false],
])('versions - %s in %s: %s', (version, range, isIn) => {
  expect(isWithin(version, range)).toBe(isIn)
})

test.each(['^1.2.3', '~1', '1.x', '>=1 <', '*', ''])('versions - "%s" is no range here', (range) => {
  expect(() => isWithin('1.2.3', range)).toThrow(TypeError)
})

test('versions - every instrumentation names versions that can be read, for each package that it patches', () => {
  for (const { name, packages, specifiers } of instrumentations) {
    for (const range of Object.values(packages)) expect(isWithin('0.0.0', range)).toBe(false)
    for (const specifier of specifiers.filter((one) => !one.startsWith('node:')))
      expect({
        name,
        specifier,
        known: Object.keys(packages).some((one) => `${specifier}/`.startsWith(`${one}/`)),
      }).toEqual({ name, specifier, known: true })
  }
})

test('selection - docs/instrumentation.md names every instrumentation', () => {
  const page = readFileSync(new URL('../../docs/instrumentation.md', import.meta.url), 'utf8')
  const named = [...page.matchAll(/^\| `([a-z-]+)` \| /gm)].map(([, name]) => name)
  expect(named.toSorted()).toEqual(all.toSorted())
})
