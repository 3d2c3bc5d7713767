import { expect, test } from 'vitest'
import { checkPolicy, loadPolicy, parsePolicy, ruleOn } from '#policy'
import { ask } from './support.ts'

/** A policy with everything that the format has. */
const SOURCE = `
holdpoint: 1
mode: { default: enforce, staging: observe }
defaults:
  effect: hold
  kinds: { http: allow }
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
  validFor: 2h
groups:
  sre: [oidc:https://idp.example.com#group/sre]
  data-owners: [oidc:https://idp.example.com#group/data-owners, "oidc:https://idp.example.com/realm/a#sub/f:1 ö"]
  security-oncall: [oidc:http://127.0.0.1:7070/dev#group//security/oncall]
rules:
  - id: lookup
    match: { kind: tool, name: "lookup_*" }
    effect: allow
  - id: small-refund
    match: { kind: tool, name: issue_refund }
    when: action.arguments.amount <= 50.0
    effect: allow
  - id: export-customer-data
    match: { kind: tool, name: "export_*", environment: prod }
    effect: hold
    risk: high
    approvals: { from: [data-owners], threshold: 2, assurance: step-up }
    timeout: 10m
    escalate: [{ after: 5m, to: [security-oncall] }]
    redact: [/arguments/password]
  - id: drop-database
    match: { kind: db, name: "DROP *" }
    effect: deny
    reason: Dropping a database is a change request, not an agent action.
`
const policy = loadPolicy(SOURCE, 7)

test('policy - of the example it is said that staging is only observed, and that no sign-in is as strong', () => {
  expect(checkPolicy(parsePolicy(SOURCE)).map(({ level, code }) => `${level} ${code}`)).toEqual([
    'warning OBSERVED',
    'note ALLOWED_BY_DEFAULT',
    'warning ASSURANCE_OUT_OF_REACH',
  ])
})

test.each<[string, ReturnType<typeof ask>, object]>([
  ['a lookup', ask('lookup_customer'), { effect: 'allow', rule: 'lookup' }],
  ['a small refund', ask('issue_refund', { amount: 50 }), { effect: 'allow', rule: 'small-refund' }],
  [
    'a large refund',
    ask('issue_refund', { amount: 51 }),
    { effect: 'hold', rule: 'defaults', validForMs: 7_200_000 },
  ],
  ['a refund of a text', ask('issue_refund', { amount: '5' }), { effect: 'hold', rule: 'small-refund' }],
  [
    'an export outside prod',
    ask('export_all', {}, { environment: 'dev' }),
    { effect: 'hold', rule: 'defaults' },
  ],
  ['a model call', ask('POST', {}, { kind: 'http' }), { effect: 'allow', rule: 'defaults' }],
  ['an unknown kind', ask('lookup_customer', {}, { kind: 'mcp' }), { effect: 'hold', rule: 'defaults' }],
  [
    'an unknown tool in staging',
    ask('x', {}, { environment: 'staging' }),
    { effect: 'hold', mode: 'observe' },
  ],
])('policy - the example rules on %s', (_what, question, expected) => {
  expect(ruleOn(policy, question)).toMatchObject(expected)
})

test('policy - the example’s whole ruling on an export', () => {
  expect(ruleOn(policy, ask('export_customers', { password: 'x' }))).toEqual({
    effect: 'hold',
    rule: 'export-customer-data',
    policyVersion: 7,
    policyHash: policy.hash,
    mode: 'enforce',
    risk: 'high',
    approvals: {
      from: ['data-owners'],
      threshold: 2,
      assurance: 'step-up',
      escalate: [{ afterMs: 300_000, to: ['security-oncall'] }],
    },
    timeoutMs: 600_000,
    validForMs: 7_200_000,
    redact: ['/arguments/password'],
    rememberDenialMs: 3_600_000,
  })
})

test('policy - the example’s whole ruling on a drop carries the reason', () => {
  expect(ruleOn(policy, ask('DROP DATABASE x', null, { kind: 'db' }))).toMatchObject({
    effect: 'deny',
    reason: 'Dropping a database is a change request, not an agent action.',
  })
})
