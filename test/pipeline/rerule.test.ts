import { describe, expect, it } from 'vitest'
import { digestBytes, type Registration } from '#contract'
import { parsePolicy } from '#policy'
import { askPolicies } from '../../src/pipeline/verification/ask-policies.ts'
import type { Claim } from '../../src/pipeline/verification/claims.ts'
import type { PlainAction } from '../../src/pipeline/verification/plain/action.ts'
import { createPolicyTable } from '../../src/pipeline/verification/rerule.ts'

const tableOf = (rules: string, head = 'mode: enforce', effect = 'hold') =>
  createPolicyTable(
    parsePolicy(`
holdpoint: 1
${head}
defaults:
  effect: ${effect}
  kinds: { http: allow }
  approvals: { from: [sre], threshold: 1, assurance: login }
groups:
  sre: ["oidc:https://idp.test#group/sre"]
rules:
${rules || '  []'}
`),
    { version: 1, hash: digestBytes(rules) },
  )

const claim = (over: Partial<Claim> = {}): Claim =>
  ({ name: 'issue_refund', kind: 'tool', environment: 'prod', agentId: 'support', ...over }) as Claim

/** Registered where the claim says; nobody is who says nothing of it. */
function ask(table: ReturnType<typeof tableOf>, over: Partial<Claim> = {}): string {
  const { environment } = claim(over)
  const registered = () => (environment === undefined ? undefined : ({ environment } as Registration))
  return askPolicies(claim(over), [table], registered).says
}
const STRANGER = () => undefined

const ALLOW_SMALL =
  '  - { id: small, match: { name: issue_refund }, when: action.arguments.amount <= 50.0, effect: allow }'
const HOLD_LARGE =
  '  - { id: large, match: { name: issue_refund }, when: action.arguments.amount > 50.0, effect: hold }'
const ALLOW = '  - { id: all, match: { name: issue_refund }, effect: allow }'
const HOLD_IN_PROD = '  - { id: prod, match: { name: issue_refund, environment: "prod*" }, effect: hold }'
const HOLD_CRM = '  - { id: crm, match: { name: issue_refund, target: "crm*" }, effect: hold }'
const ALLOW_FOR_BOT = '  - { id: bot, match: { name: issue_refund, agent: refund-bot }, effect: allow }'

describe('ruling again on what a span tells', () => {
  it.each<[string, string, string, Partial<Claim>, string]>([
    ['the defaults', '', 'hold', {}, 'hold'],
    ['a default by kind', '', 'hold', { kind: 'http' }, 'allow'],
    ['a rule without a condition', ALLOW, 'hold', {}, 'allow'],
    ['a condition that may allow what is held otherwise', ALLOW_SMALL, 'hold', {}, 'unknown'],
    ['a condition that may hold what is allowed otherwise', HOLD_LARGE, 'allow', {}, 'unknown'],
    ['a condition between two ways to hold', HOLD_LARGE, 'hold', {}, 'hold'],
    [
      'a condition that cannot be answered holds, even before an allow',
      `${ALLOW_SMALL}\n${ALLOW}`,
      'hold',
      {},
      'unknown',
    ],
    ['a condition behind the rule that rules', `${ALLOW}\n${HOLD_LARGE}`, 'hold', {}, 'allow'],
    ['a condition of another action', ALLOW_SMALL, 'hold', { name: 'export' }, 'hold'],
    [
      'the environment, where it is said',
      `${HOLD_IN_PROD}\n${ALLOW}`,
      'hold',
      { environment: 'dev' },
      'allow',
    ],
    [
      'the environment, where it is not said',
      `${HOLD_IN_PROD}\n${ALLOW}`,
      'hold',
      { environment: undefined },
      'unknown',
    ],
    ['an environment that makes no difference', HOLD_IN_PROD, 'hold', { environment: undefined }, 'hold'],
    ['the agent, where it is said', ALLOW_FOR_BOT, 'hold', { agentId: 'refund-bot' }, 'allow'],
    ['the agent, where it is not said', ALLOW_FOR_BOT, 'hold', { agentId: undefined }, 'unknown'],
    [
      'a kind that is not said is a tool',
      '  - { id: t, match: { kind: tool }, effect: allow }',
      'hold',
      { kind: undefined },
      'allow',
    ],
    [
      'the target, where another instrumentation is silent about it',
      `${HOLD_CRM}\n${ALLOW}`,
      'hold',
      { kind: undefined },
      'unknown',
    ],
    ['no target, where the gate names none', `${HOLD_CRM}\n${ALLOW}`, 'hold', {}, 'allow'],
  ])('rerule - %s', (_, rules, effect, over, says) => {
    expect(ask(tableOf(rules, 'mode: enforce', effect), over)).toBe(says)
  })

  it('rerule - observe is by environment, and unknown where that is not said', () => {
    const table = tableOf('', 'mode: { default: enforce, staging: observe }')
    expect(ask(table, { environment: 'staging' })).toBe('observe')
    expect(ask(table, { environment: 'prod' })).toBe('hold')
    expect(ask(table, { environment: undefined })).toBe('unknown')
  })

  it('rerule - a policy that changed between start and arrival must say the same both times', () => {
    const [mild, strict] = [tableOf(ALLOW), tableOf('')]
    expect(askPolicies(claim(), [mild, mild], STRANGER).says).toBe('allow')
    expect(askPolicies(claim(), [strict, mild], STRANGER).says).toBe('unknown')
    expect(askPolicies(claim(), [undefined, mild], STRANGER).says).toBe('unknown')
    expect(askPolicies(claim(), [], STRANGER).says).toBe('unknown')
  })

  it('rerule - the answer names the rule and the version', () => {
    expect(askPolicies(claim(), [tableOf(ALLOW)], STRANGER)).toMatchObject({
      detail: 'all: allow, policy 1',
      ruling: { rule: 'all', effect: 'allow', policyVersion: 1 },
    })
  })
})

it('rerule - spans that leave much open and name what no rule knows are little work for any policy', {
  timeout: 5_000,
}, () => {
  const rules = Array.from(
    { length: 40 },
    (_, no) =>
      `  - { id: r${no}, match: { kind: db, name: "DELETE t${no}*", target: "host${no}", environment: env${no % 6}, agent: agent${no % 5} }, effect: hold }`,
  )
  const table = tableOf(rules.join('\n'))
  const plain = (of: number) =>
    Array.from(
      { length: 20 },
      (_, no): PlainAction => ({
        kind: 'db',
        names: [`DELETE s${of}.c${no}`, `DELETE c${of}x${no}`],
      }),
    )
  for (let of = 0; of < 200; of++)
    expect(
      ask(table, { plain: plain(of), environment: undefined, agentId: undefined } as Partial<Claim>),
    ).toBe('allow')
  expect(
    ask(table, {
      plain: [{ kind: 'db', names: ['DELETE t7'] }] as const,
      environment: undefined,
      agentId: undefined,
    } as Partial<Claim>),
  ).toBe('unknown')
})
