import { beforeEach, describe, expect, it } from 'vitest'
import { digestBytes, HoldpointError, type Registration, trustSubject } from '#contract'
import { parsePolicy } from '#policy'
import type { Trust } from '#warrant'
import { askPolicies } from '../../src/pipeline/verification/ask-policies.ts'
import type { Claim } from '../../src/pipeline/verification/claims.ts'
import { createRegistrations } from '../../src/pipeline/verification/registrations.ts'
import { createPolicyTable } from '../../src/pipeline/verification/rerule.ts'
import { createFakeLog } from '../support/log.ts'

const TABLE = createPolicyTable(
  parsePolicy(`
holdpoint: 1
mode: { default: enforce, staging: observe }
defaults: { effect: hold, approvals: { from: [sre] } }
groups: { sre: ["oidc:https://idp.test#group/sre"] }
rules:
  - { id: sandbox, match: { environment: sandbox }, effect: allow }
  - { id: bot, match: { agent: backup-bot, name: "db_dump" }, effect: allow }
  - { id: deletions, match: { kind: db, name: "DELETE *", environment: prod }, effect: hold }
`),
  { version: 1, hash: digestBytes('policy') },
)

const registered: Record<string, string> = { support: 'prod', trial: 'staging', 'backup-bot': 'prod' }
const registrations = (agentId: string): Registration | undefined =>
  Object.hasOwn(registered, agentId) ? ({ environment: registered[agentId] } as Registration) : undefined

const claim = (over: Partial<Claim>): Claim =>
  ({ kind: 'tool', name: 'export', environment: undefined, agentId: undefined, ...over }) as Claim
const says = (over: Partial<Claim>): string => askPolicies(claim(over), [TABLE], registrations).says

describe('what a span says of where it ran', () => {
  it.each<[string, Partial<Claim>, string]>([
    ['the registered environment counts', { agentId: 'trial' }, 'observe'],
    [
      'the registered environment counts, and not the one that is named',
      { agentId: 'support', environment: 'staging' },
      'hold',
    ],
    ['nor one that would allow it', { agentId: 'support', environment: 'sandbox' }, 'hold'],
    ['an environment that nobody backs makes nothing milder', { environment: 'staging' }, 'unknown'],
    ['nor allows anything', { environment: 'sandbox' }, 'unknown'],
    [
      'an agent that nobody registered makes nothing milder',
      { agentId: 'stranger', environment: 'sandbox' },
      'unknown',
    ],
    ['what a span says against itself is believed', { environment: 'prod' }, 'hold'],
    ['even of an agent that nobody knows', { agentId: 'stranger', environment: 'prod' }, 'hold'],
    [
      'an id that agents cannot have is nobody',
      { agentId: '../../support', environment: 'sandbox' },
      'unknown',
    ],
    ['nor is one of every object', { agentId: 'constructor', environment: 'sandbox' }, 'unknown'],
    ['the point of enforcement names the agent as well', { enforcement: 'in-process:trial' }, 'observe'],
    [
      'a name of its own that a framework gives the agent does no harm',
      { agentId: 'asst_123', enforcement: 'in-process:support', environment: 'staging' },
      'hold',
    ],
    ['a rule for one agent counts for a registered one', { agentId: 'backup-bot', name: 'db_dump' }, 'allow'],
    ['and for nobody else', { agentId: 'backup-bot2', environment: 'prod', name: 'db_dump' }, 'hold'],
  ])('testimony - %s', (_, over, expected) => {
    expect(says(over)).toBe(expected)
  })

  it('testimony - the same for what any instrumentation saw', () => {
    const plain = [{ kind: 'db', names: ['DELETE customers'] }] as const
    expect(says({ plain, environment: 'prod' })).toBe('hold')
    expect(says({ plain, environment: 'staging' })).toBe('unknown')
    expect(says({ plain, agentId: 'trial', environment: 'prod' })).toBe('allow')
  })
})

describe('who is registered', () => {
  let published: Map<string, Registration>
  let messages: number
  let nowMs: number
  let reads: string[]
  beforeEach(() => {
    published = new Map()
    messages = 1
    nowMs = 1_000_000
    reads = []
  })
  const of = (sub: string, environment = 'prod') => ({ agent: { sub }, environment }) as Registration
  const create = () =>
    createRegistrations({
      now: () => nowMs,
      log: createFakeLog(),
      documents: {
        list: async () =>
          new Map([...published.keys()].map((id) => [trustSubject.registration(id), messages])),
        async read(subject) {
          reads.push(subject)
          return JSON.stringify(published.get(subject.split('.').at(-1) as string))
        },
        async openAsOf(_, verify) {
          const verifyRegistration = (text: string): Registration => {
            if (text.includes('forged')) throw new HoldpointError('UNTRUSTED')
            return JSON.parse(text)
          }
          return verify({ verifyRegistration } as Trust)
        },
      },
    })

  it('registrations - one that is published counts, and is read once', async () => {
    published.set('support', of('support'))
    const { prepare, of: find } = create()
    expect(find('support')).toBeUndefined()
    await prepare([])
    nowMs += 60_000
    await prepare([])
    expect(find('support')?.environment).toBe('prod')
    expect(reads).toHaveLength(1)
  })

  it('registrations - one that is new counts as soon as a span names it, and strangers do not have us look all the time', async () => {
    const { prepare, of: find } = create()
    await prepare(['support'])
    published.set('support', of('support'))
    nowMs += 499
    await prepare(['support'])
    expect(find('support')).toBeUndefined()
    nowMs += 1
    await prepare(['support'])
    expect(find('support')?.environment).toBe('prod')
  })

  it('registrations - one that is replaced or taken away is seen', async () => {
    published.set('support', of('support'))
    const { prepare, of: find } = create()
    await prepare([])
    published.set('support', of('support', 'staging'))
    messages++
    nowMs += 60_000
    await prepare([])
    expect(find('support')?.environment).toBe('staging')
    published.clear()
    nowMs += 60_000
    await prepare([])
    expect(find('support')).toBeUndefined()
  })

  it("registrations - a forged one, and one under another agent's name, count for nobody", async () => {
    published.set('support', of('support', 'forged'))
    published.set('billing', of('trial', 'staging'))
    published.set('Not.An.Id', of('Not.An.Id'))
    const { prepare, of: find } = create()
    await prepare([])
    expect(['support', 'billing', 'trial', 'Not.An.Id', 'Id'].map(find)).toEqual(Array(5).fill(undefined))
  })
})
