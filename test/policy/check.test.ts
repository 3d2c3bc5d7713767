import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkPolicy, explainRuling, loadPolicy, parsePolicy, ruleOn, starterPolicy } from '#policy'
import { compilePattern, covers } from '../../src/policy/pattern.ts'
import { ask, load, policyOf, SRE } from './support.ts'

const findings = (source: string) =>
  checkPolicy(parsePolicy(source)).map(
    ({ line, column, level, code, rule }) => `${line}:${column} ${level} ${code}${rule ? ` ${rule}` : ''}`,
  )
const rule = (id: string, match: string, more = 'effect: deny') => `{ id: ${id}, match: ${match}, ${more} }`

describe('policy check - a rule that can never match:', () => {
  test.each([
    ['the same match', '{ name: x }', '{ name: x }'],
    ['everything above', '{}', '{ name: x, kind: db, target: y }'],
    ['a longer name under its beginning', '{ name: "drop_*" }', '{ name: drop_table }'],
    ['a narrower pattern under a wider', '{ name: "drop_*" }', '{ name: "drop_t?ble*" }'],
    ['an ending under a shorter one', '{ name: "*_all" }', '{ name: "drop_*_all" }'],
    ['a list under a list', '{ name: [a, "b*"] }', '{ name: [b1, a] }'],
    ['one environment under all', '{ name: x }', '{ name: x, environment: prod }'],
    ['no kind under any', '{ kind: "*", name: x }', '{ name: x }'],
  ])('%s', (_what, above, below) => {
    const source = policyOf(rule('above', above), rule('below', below))
    expect(findings(source)).toEqual(['6:5 warning NEVER_MATCHES below'])
  })

  test.each([
    [
      'the one above has a condition',
      rule('above', '{}', 'when: environment == "prod", effect: deny'),
      rule('below', '{ name: x }'),
    ],
    ['the one above is narrower', rule('above', '{ name: drop_table }'), rule('below', '{ name: "drop_*" }')],
    [
      'the one above wants an environment',
      rule('above', '{ environment: prod }'),
      rule('below', '{ name: x }'),
    ],
    [
      'only one entry of its list is covered',
      rule('above', '{ name: a }'),
      rule('below', '{ name: [a, b] }'),
    ],
    ['no target is no target', rule('above', '{ target: "*" }'), rule('below', '{ name: x }')],
    ['case differs', rule('above', '{ name: "Drop*" }'), rule('below', '{ name: drop_x }')],
  ])('not reported where %s', (_what, above, below) => {
    expect(findings(policyOf(above, below))).toEqual([])
  })

  test('coverage is never claimed where a name contradicts it', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?')
    const glob = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''))
    const name = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(glob, glob, fc.array(name, { minLength: 5, maxLength: 20 }), (outer, inner, names) => {
        if (!covers(outer, inner)) return
        for (const one of names) if (compilePattern(inner)(one)) expect(compilePattern(outer)(one)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('policy check - says', () => {
  test('that nothing is held, loudly', () => {
    const source = `mode: { default: observe, prod: enforce }\n${policyOf()}`
    const [finding] = checkPolicy(parsePolicy(source))
    expect(finding).toMatchObject({ line: 1, column: 7, level: 'warning', code: 'OBSERVED' })
    expect(finding?.message).toContain('OBSERVE MODE: nothing is held or denied anywhere but in prod.')
  })

  test('that one environment is only observed', () => {
    const source = `mode: { staging: observe }\n${policyOf()}`
    expect(findings(source)).toEqual(['1:18 warning OBSERVED'])
  })

  test('what is allowed by default, and by a rule for everything', () => {
    const source = `holdpoint: 1
defaults:
  effect: allow
  kinds: { http: allow }
rules:
  - { id: all, match: { kind: "*", environment: dev }, effect: allow }
`
    expect(findings(source)).toEqual([
      '3:11 warning ALLOWED_BY_DEFAULT',
      '4:18 note ALLOWED_BY_DEFAULT',
      '6:5 warning ALLOWS_EVERYTHING all',
      '1:1 warning NOBODY_ON_DUTY',
    ])
  })

  test('what asks for a sign-in that nobody can have', () => {
    const held = (assurance: string) => `effect: hold, approvals: { from: [sre], assurance: ${assurance} }`
    const source = policyOf(
      rule('strict', '{ name: a }', held('step-up')),
      rule('relaxed', '{ name: b }', held('chat')),
      rule('denied', '{ name: c }', held('passkey').replace('hold', 'deny')),
    )
    const found = checkPolicy(parsePolicy(source)).filter(({ code }) => code === 'ASSURANCE_OUT_OF_REACH')
    expect(found).toMatchObject([{ level: 'warning', rule: 'strict' }])
    expect(found[0]?.message).toContain('No sign-in reaches step-up')
  })

  test('which group is named nowhere', () => {
    const source = policyOf(rule('a', '{ name: x }')).replace('groups: {', `groups: { ops: ["${SRE}"],`)
    expect(findings(source)).toEqual(['3:16 note UNUSED_GROUP'])
  })
})

describe('policy explain -', () => {
  test('says of each rule why it did not match, and which one ruled', () => {
    const policy = load(
      rule('kind', '{ kind: db }'),
      rule('name', '{ name: [a, "b*"] }'),
      rule('target', '{ target: "*" }'),
      rule('untrue', '{}', 'when: action.arguments.n > 5, effect: deny'),
      rule('unsure', '{}', 'when: action.arguments.m > 5, effect: deny'),
      rule('never', '{}'),
    )
    const { ruling, steps } = explainRuling(policy, ask('x', { n: 1 }))
    expect(steps).toEqual([
      { rule: 'kind', matched: false, because: 'kind is "tool", not "db"' },
      { rule: 'name', matched: false, because: 'name is "x", not "a", "b*"' },
      { rule: 'target', matched: false, because: 'target is absent, not "*"' },
      { rule: 'untrue', matched: false, because: 'its condition is false' },
      {
        rule: 'unsure',
        matched: true,
        because: expect.stringMatching(/^its condition cannot be evaluated: .*m/),
      },
    ])
    expect(ruling).toMatchObject({ rule: 'unsure', effect: 'hold' })
  })

  test('shows what the agent’s own facts change', () => {
    const policy = load(rule('many', '{}', `when: 'has(facts.rows) && facts.rows > 9', effect: deny`))
    const facts = [{ name: 'rows', value: 10, source: 'agent' as const }]
    const { ruling, steps, withAgentFacts } = explainRuling(policy, ask('x', {}, { facts }))
    expect([ruling.rule, steps.at(-1)?.rule, withAgentFacts?.at(-1)?.rule]).toEqual([
      'many',
      'defaults',
      'many',
    ])
  })

  test('a question that is none is explained, not thrown', () => {
    expect(explainRuling(load(rule('a', '{ name: x }')), {} as never).ruling.effect).toBe('hold')
  })
})

describe('policy - the starter', () => {
  const source = starterPolicy(SRE)

  test('parses without a warning', () => {
    expect(checkPolicy(parsePolicy(source)).filter(({ level }) => level === 'warning')).toEqual([])
  })

  test.each<[string, unknown, string]>([
    ['lookup_customer', { id: 7 }, 'lookup allow'],
    ['issue_refund', { amount: 20 }, 'small-refund allow'],
    ['issue_refund', { amount: 200 }, 'defaults hold'],
    ['issue_refund', { amount: -5 }, 'defaults hold'],
    ['issue_refund', { amount: '20' }, 'small-refund hold'],
    ['export_customers', {}, 'export-customer-data hold'],
    ['grant_role', { role: 'admin' }, 'grant-role hold'],
    ['drop_database', {}, 'drop-database deny'],
    ['send_mail', {}, 'defaults hold'],
  ])('%s %j: %s', (name, args, expected) => {
    const { rule, effect } = ruleOn(loadPolicy(source, 1), ask(name, args))
    expect(`${rule} ${effect}`).toBe(expected)
  })

  test('a specifier that is none is refused when it is parsed', () => {
    expect(() => parsePolicy(starterPolicy('sre'))).toThrow('groups.reviewers.0: "sre", expected oidc:')
  })
})
