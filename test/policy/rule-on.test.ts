import fc from 'fast-check'
import { expect, test } from 'vitest'
import { explainRuling, loadPolicy, ruleOn } from '#policy'
import { ask, load, policyOf } from './support.ts'

const allow = (id: string, match: string) => `{ id: ${id}, match: ${match}, effect: allow }`
const deny = (id: string, match: string) => `{ id: ${id}, match: ${match}, effect: deny, reason: Not here. }`
const ruled = (policy: ReturnType<typeof load>, question: ReturnType<typeof ask>) => {
  const { rule, effect } = ruleOn(policy, question)
  return `${rule} ${effect}`
}

test('policy - nothing matches: the action is held by the defaults', () => {
  expect(ruleOn(load(allow('a', '{ name: lookup }')), ask('drop'))).toMatchObject({
    effect: 'hold',
    rule: 'defaults',
    policyVersion: 1,
    mode: 'enforce',
    approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
    timeoutMs: 900_000,
  })
})

test('policy - the first rule that matches rules, whether it names the action or a pattern', () => {
  const policy = load(
    deny('a', '{ name: "dr*" }'),
    allow('b', '{ name: drop }'),
    allow('c', '{ name: [read, "dr*"] }'),
  )
  expect(ruled(policy, ask('drop'))).toBe('a deny')
  const turned = load(allow('b', '{ name: drop }'), deny('a', '{ name: "dr*" }'))
  expect([ruled(turned, ask('drop')), ruled(turned, ask('drip'))]).toEqual(['b allow', 'a deny'])
})

test.each([
  ['lookup_*', 'lookup_', true],
  ['lookup_*', 'Lookup_x', false],
  ['lookup_*', 'xlookup_', false],
  ['*_all', 'delete_all', true],
  ['*_all', 'delete_all ', false],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['DROP *', 'DROP \n DATABASE x', true],
  ['*DROP*', 'x\nDROP\ny', true],
  ['l?g', 'log', true],
  ['l?g', 'lg', false],
  ['l?g', 'l😀g', true],
  ['a.c', 'abc', false],
  ['a.*', 'a.b', true],
  ['(a+)+$', 'aaaa', false],
  ['[ab]*', 'a', false],
  ['*', '', true],
])('policy - the pattern %j and the name %j: %j', (pattern, name, expected) => {
  const policy = load(allow('a', `{ name: ${JSON.stringify(pattern)} }`))
  expect(ruleOn(policy, ask(name)).rule === 'a').toBe(expected)
})

test('policy - a long name made against a pattern of stars does not hang', () => {
  const policy = load(deny('a', `{ name: "${'*a'.repeat(200)}b" }`))
  expect(ruled(policy, ask('a'.repeat(500)))).toBe('defaults hold')
})

test('policy - every member of match must match; an absent target matches no pattern of targets', () => {
  const policy = load(allow('a', '{ kind: db, target: "*", environment: [dev, "test-*"], agent: billing }'))
  const match = { kind: 'db', target: 'orders', environment: 'test-1' }
  expect(ruled(policy, ask('x', {}, match))).toBe('a allow')
  const { target: _, ...without } = match
  const agent = { iss: 'example.com/holdpoint', sub: 'other', name: 'billing' }
  for (const other of [
    without,
    { ...match, kind: 'tool' },
    { ...match, environment: 'prod' },
    { ...match, agent },
  ])
    expect(ruled(policy, ask('x', {}, other))).toBe('defaults hold')
})

test('policy - a default by kind comes before the general default, and after every rule', () => {
  const policy = loadPolicy(
    `holdpoint: 1
defaults: { effect: deny, kinds: { http: allow } }
rules: [{ id: a, match: { kind: "h*", name: admin }, effect: deny }]`,
    1,
  )
  expect(ruled(policy, ask('GET', {}, { kind: 'http' }))).toBe('defaults allow')
  expect(ruled(policy, ask('admin', {}, { kind: 'http' }))).toBe('a deny')
  expect(ruled(policy, ask('admin', {}, { kind: 'https' }))).toBe('a deny')
  expect(ruled(policy, ask('GET', {}, { kind: 'tool' }))).toBe('defaults deny')
})

test('policy - the mode is that of the environment, and the ruling stays what it is', () => {
  const source = policyOf(deny('a', '{ name: drop }')).replace(
    'defaults',
    'mode: { default: enforce, staging: observe }\ndefaults',
  )
  const policy = loadPolicy(source, 1)
  expect(ruleOn(policy, ask('drop', {}, { environment: 'staging' }))).toMatchObject({
    effect: 'deny',
    mode: 'observe',
  })
  for (const environment of ['prod', 'default', 'Staging', '__proto__', 'constructor'])
    expect(ruleOn(policy, ask('drop', {}, { environment })).mode).toBe('enforce')
})

test('policy - a ruling carries its terms and cannot be changed for the next action', () => {
  const policy = load(
    '{ id: a, match: {}, effect: hold, risk: high, timeout: 10m, escalate: [{ after: 5m, to: [sre] }], redact: [/arguments/password] }',
  )
  const ruling = ruleOn(policy, ask('x'))
  expect(ruling).toMatchObject({
    risk: 'high',
    timeoutMs: 600_000,
    approvals: { escalate: [{ afterMs: 300_000, to: ['sre'] }] },
    redact: ['/arguments/password'],
  })
  expect(() => ruling.approvals.from.push('everyone')).toThrow(TypeError)
  expect(() => Object.assign(ruling, { effect: 'allow' })).toThrow(TypeError)
})

const deep = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value }
  return value
}

test.each<[string, unknown]>([
  ['null', null],
  ['undefined', undefined],
  ['a number', 5],
  ['NaN', { amount: Number.NaN }],
  ['a text', 'amount'],
  ['a list', [1, 2]],
  ['a function', { amount: () => 1 }],
  ['a symbol', { amount: Symbol('1') }],
  ['a bigint', { amount: 10n }],
  ['a date', new Date(0)],
  ['a member __proto__', JSON.parse('{"__proto__": {"amount": 1}}')],
  ['a member constructor', { constructor: null }],
  ['an object without prototype', Object.create(null)],
  ['ten thousand levels', { l: deep(10_000) }],
  ['a million values', { amount: 1, l: new Array(1_000_000).fill(0) }],
  [
    'a getter that throws',
    Object.defineProperty({}, 'amount', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    }),
  ],
])('policy - hostile arguments, %s: held by the rule, nothing thrown', (_what, args) => {
  const policy = load(
    `{ id: a, match: {}, when: 'action.arguments.amount <= 50 && action.arguments.l == []', effect: allow }`,
  )
  const { effect, rule } = ruleOn(policy, ask('x', args))
  expect([effect, rule === 'a' || rule === 'defaults']).toEqual(['hold', true])
})

test('policy - a question that is none is held, nothing thrown', () => {
  const policy = load(allow('a', '{ name: "x*" }'))
  for (const question of [undefined, {}, { action: null }, { action: { kind: 1, name: 2 } }])
    expect(ruleOn(policy, question as never)).toMatchObject({ effect: 'hold', mode: 'enforce' })
})

const names = fc.constantFrom('a', 'ab', 'abc', 'b', 'x')
const pattern = fc.constantFrom('a', 'ab', 'a*', '*b', '?b', '*', 'x')
const patterns = fc.option(fc.oneof(pattern, fc.array(pattern, { minLength: 1, maxLength: 3 })), {
  nil: undefined,
})
const anyRule = fc.record({
  match: fc.record({ kind: patterns, name: patterns, target: patterns, agent: patterns }),
  effect: fc.constantFrom('allow', 'hold', 'deny'),
  when: fc.constantFrom(undefined, 'action.arguments.n > 1', 'has(facts.n) && facts.n > 1', 'facts.n > 1'),
})
const facts = fc.array(
  fc.record({
    name: fc.constantFrom('n', 'm'),
    value: fc.constantFrom(0, 2, 'x'),
    source: fc.constantFrom('agent', 'gateway', 'broker'),
  }),
  { maxLength: 3 },
)
const policies = fc
  .array(anyRule, { maxLength: 12 })
  .map((rules) => load(...rules.map((rule, index) => JSON.stringify({ id: `r${index}`, ...rule }))))
const questions = fc
  .record({
    kind: names,
    name: names,
    target: fc.option(names, { nil: undefined }),
    n: fc.constantFrom(0, 2, 'x'),
    facts,
  })
  .map(({ kind, name, target, n, facts }) =>
    ask(name, { n }, { kind, facts: facts as never, ...(target === undefined ? {} : { target }) }),
  )

test('policy - the index changes nothing: reading all rules from the top gives the same ruling', () => {
  fc.assert(
    fc.property(policies, questions, (policy, question) => {
      expect(ruleOn(policy, question)).toBe(explainRuling(policy, question).ruling)
    }),
    { numRuns: 500 },
  )
})

const STRICTNESS = { allow: 0, hold: 1, deny: 2 }

test('policy - whatever facts an agent sends, the ruling is never milder than without them', () => {
  fc.assert(
    fc.property(policies, questions, (policy, question) => {
      const honest = { ...question, facts: (question.facts ?? []).filter(({ source }) => source !== 'agent') }
      const before = ruleOn(policy, honest)
      const after = ruleOn(policy, question)
      expect(STRICTNESS[after.effect]).toBeGreaterThanOrEqual(STRICTNESS[before.effect])
      if (after.effect === before.effect) expect(after).toBe(before)
    }),
    { numRuns: 500 },
  )
})
