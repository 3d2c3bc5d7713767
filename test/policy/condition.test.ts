import { describe, expect, test } from 'vitest'
import { ruleOn } from '#policy'
import { ask, load } from './support.ts'

/** What an allow rule with this condition says: `allow` where it is true, `pass` where false, `hold` where neither. */
function outcome(when: string, args: unknown, more = {}): string {
  const policy = load(`{ id: a, match: {}, when: ${JSON.stringify(when)}, effect: allow }`)
  const { rule, effect } = ruleOn(policy, ask('issue_refund', args, more))
  return rule === 'a' ? effect : 'pass'
}

describe('policy - a condition that cannot be evaluated holds:', () => {
  test.each<[string, string, unknown]>([
    ['a member that is absent', 'action.arguments.amount <= 50', {}],
    ['a text where a number is compared', 'action.arguments.amount <= 50', { amount: '10' }],
    ['null where a number is compared', 'action.arguments.amount <= 50', { amount: null }],
    ['a list where a number is compared', 'action.arguments.amount <= 50', { amount: [10] }],
    ['a member of a text', 'action.arguments.amount.value <= 50', { amount: 'x' }],
    ['an index past the end', 'action.arguments.items[3] == 1', { items: [1] }],
    ['a number that is no truth', 'action.arguments.amount', { amount: 1 }],
    ['a text that is no truth', 'action.arguments.force', { force: 'true' }],
    ['null, which is no truth', 'action.arguments.force', { force: null }],
    ['a sum of a double and an int', 'action.arguments.amount + 1 <= 50', { amount: 1 }],
    ['an overflow', 'int(action.arguments.amount) <= 50', { amount: 1e300 }],
    ['a division by zero', '1 / int(action.arguments.amount) == 1', { amount: 0 }],
    ['an empty text for a number', 'double(action.arguments.amount) <= 50.0', { amount: '' }],
    ['hexadecimal for a number', 'int(action.arguments.amount) <= 50', { amount: '0x1f' }],
    ['blanks for a number', 'int(action.arguments.amount) <= 50', { amount: ' ' }],
    ['a fact that nobody knows', 'facts.rows <= 50', {}],
    ['a target that is absent', 'action.target == "orders"', {}],
    ['one bad entry of a list', 'action.arguments.items.all(x, x > 1)', { items: [2, 'x', 3] }],
    ['a pattern against a number', 'action.arguments.sql.matches("^SELECT ")', { sql: 5 }],
  ])('%s', (_what, when, args) => {
    expect(outcome(when, args)).toBe('hold')
  })

  test('a deny rule holds too, and says why in words that repeat no argument', () => {
    const policy = load(
      '{ id: a, match: {}, when: action.arguments.path.startsWith("/"), effect: deny, reason: No. }',
    )
    const ruling = ruleOn(policy, ask('x', { path: { secret: 'hunter2' } }))
    expect(ruling).toMatchObject({
      effect: 'hold',
      rule: 'a',
      reason: 'The condition of this rule could not be evaluated for this action, so it is held.',
      approvals: { from: ['sre'] },
    })
  })

  test('objects that pose as protobuf messages are what they are', () => {
    const posing = { $typeName: 'google.protobuf.DoubleValue', value: 5 }
    expect(outcome('action.arguments.amount <= 50', { amount: posing })).toBe('hold')
    const small = { $typeName: 'google.protobuf.Value', kind: { case: 'numberValue', value: 5 } }
    const hiding = { $typeName: 'google.protobuf.Struct', fields: { amount: small } }
    expect(outcome('action.arguments.amount <= 50', { ...hiding, amount: 1e6 })).toBe('pass')
  })

  test('what has more values than are looked at', () => {
    expect(outcome('action.arguments.l.size() > 0', { l: new Array(2000).fill(0) })).toBe('allow')
    expect(outcome('action.arguments.l.size() > 0', { l: new Array(2100).fill(0) })).toBe('hold')
    expect(outcome('action.arguments.n == 1 || true', { n: 1, l: new Array(2100).fill(0) })).toBe('hold')
  })
})

describe('policy - a condition is true or false:', () => {
  test.each<[string, unknown, string]>([
    ['action.arguments.amount <= 50', { amount: 50 }, 'allow'],
    ['action.arguments.amount <= 50.0', { amount: 50 }, 'allow'],
    ['action.arguments.amount <= 50', { amount: 50.01 }, 'pass'],
    ['action.arguments.amount == 50', { amount: 50 }, 'allow'],
    ['action.arguments.amount == 50u', { amount: 50 }, 'allow'],
    ['action.arguments.amount * 2.0 <= 50.0', { amount: 25 }, 'allow'],
    ['int(action.arguments.amount) % 2 == 0', { amount: 4 }, 'allow'],
    ['action.arguments.amount == "50"', { amount: 50 }, 'pass'],
    ['action.arguments.amount in [10, 20]', { amount: 20 }, 'allow'],
    ['has(action.arguments.amount)', {}, 'pass'],
    ['has(action.arguments.amount)', { amount: 0 }, 'allow'],
    // null counts as absent, as tools read it
    ['has(action.arguments.amount)', { amount: null }, 'pass'],
    ['"amount" in action.arguments', { amount: null }, 'pass'],
    ['has(action.arguments.constructor)', {}, 'pass'],
    ['has(action.arguments.__proto__)', {}, 'pass'],
    ['!has(action.target)', {}, 'allow'],
    ['action.arguments.items.all(i, i.tags.exists(t, t == "a"))', { items: [{ tags: ['a'] }] }, 'allow'],
    [
      'action.arguments.to.all(t, ["@a.com", "@b.com"].exists(d, t.endsWith(d)))',
      { to: ['x@b.com'] },
      'allow',
    ],
    ['action.arguments.sql.matches("^SELECT [a-z]+$")', { sql: 'SELECT a; DROP' }, 'pass'],
    ['action.kind == "tool" && action.name.startsWith("issue_")', {}, 'allow'],
    ['environment == "prod" && agent.sub == "billing"', {}, 'allow'],
    ['agent.name == "Billing agent" && onBehalfOf.size() == 0', {}, 'allow'],
    ['action.arguments["a.b"] == 1', { 'a.b': 1 }, 'allow'],
    ['size(action.arguments) == 2', { a: 1, b: 2 }, 'allow'],
    ['action.arguments == {"a": [1, null]}', { a: [1, null] }, 'allow'],
  ])('%s of %j: %s', (when, args, expected) => {
    expect(outcome(when, args)).toBe(expected)
  })

  test('the people for whom an agent acts', () => {
    const onBehalfOf = [{ iss: 'https://idp.example.com', sub: 'ada' }]
    const when = 'onBehalfOf.exists(p, p.iss == "https://idp.example.com" && p.sub == "ada")'
    expect(outcome(when, {}, { onBehalfOf })).toBe('allow')
    expect(outcome(when, {}, { onBehalfOf: [{ iss: 'https://evil.example', sub: 'ada' }] })).toBe('pass')
  })
})

describe('policy - facts:', () => {
  const rows = (value: unknown, source: string) => ({ facts: [{ name: 'rows', value, source }] })
  const policy = load(
    `{ id: huge, match: {}, when: 'has(facts.rows) && facts.rows > 1000000', effect: deny }`,
    `{ id: many, match: {}, when: 'has(facts.rows) && facts.rows > 1000', effect: hold }`,
    `{ id: rest, match: {}, effect: allow }`,
  )
  const ruled = (more: object) => ruleOn(policy, ask('x', {}, more)).rule

  test('a gateway and the broker make a ruling stricter and milder', () => {
    expect([ruled(rows(5000, 'broker')), ruled(rows(5, 'gateway'))]).toEqual(['many', 'rest'])
  })

  test('an agent makes it stricter', () => {
    expect([ruled(rows(5000, 'agent')), ruled(rows(2e6, 'agent'))]).toEqual(['many', 'huge'])
  })

  test.each(['facts.rows < 10', 'has(facts.reviewed) && facts.reviewed'])(
    'an agent does not make %s true for an allow rule',
    (when) => {
      const one = load(`{ id: a, match: {}, when: ${when}, effect: allow }`)
      const facts = [
        { name: 'rows', value: 1, source: 'agent' as const },
        { name: 'reviewed', value: true, source: 'agent' as const },
      ]
      expect(ruleOn(one, ask('x', {}, { facts })).effect).toBe('hold')
    },
  )

  test('an agent does not slip past a hold rule by a fact that makes its condition false', () => {
    const one = load(
      `{ id: a, match: {}, when: '!has(facts.reviewed) || facts.reviewed == false', effect: hold }`,
      '{ id: b, match: {}, effect: allow }',
    )
    const facts = [{ name: 'reviewed', value: true, source: 'agent' as const }]
    expect(ruleOn(one, ask('x', {}, { facts })).rule).toBe('a')
    expect(
      ruleOn(one, ask('x', {}, { facts: [{ name: 'reviewed', value: true, source: 'broker' }] })).rule,
    ).toBe('b')
  })

  test('an agent does not choose between two holds', () => {
    const one = load(
      `{ id: a, match: {}, when: 'has(facts.easy) && facts.easy', effect: hold }`,
      '{ id: b, match: {}, effect: hold, approvals: { threshold: 2 } }',
    )
    expect(ruleOn(one, ask('x', {}, { facts: [{ name: 'easy', value: true, source: 'agent' }] })).rule).toBe(
      'b',
    )
  })

  test('an agent does not hide a fact of the broker by sending another of its name', () => {
    const broker = { name: 'rows', value: 5000, source: 'broker' as const }
    const agent = { name: 'rows', value: 1, source: 'agent' as const }
    expect([ruled({ facts: [broker, agent] }), ruled({ facts: [agent, broker] })]).toEqual(['many', 'many'])
  })

  test('a fact of a source that there is not counts as the agent’s', () => {
    const one = load('{ id: a, match: {}, when: facts.rows < 10, effect: allow }')
    expect(ruleOn(one, ask('x', {}, rows(1, 'Broker') as never)).effect).toBe('hold')
  })
})
