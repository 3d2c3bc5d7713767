import { expect, test } from 'vitest'
import { digestBytes, type FreezeEntry, type LedgerEntry, ledgerSubject } from '#contract'
import { createPeople, loadPolicy } from '#policy'
import { freeze } from '../../src/broker/calls/freeze.ts'
import type { Context } from '../../src/broker/context.ts'
import { createFreezes } from '../../src/broker/state/freezes.ts'
import { createFakeLog } from '../support/log.ts'

const IDP = 'https://idp.invalid'
const POLICY = `
holdpoint: 1
mode: enforce
groups: { sec: [oidc:${IDP}#group/sec] }
defaults: { effect: hold, approvals: { from: [sec] } }
rules: []
`
const change = (turn: number, sub: string): FreezeEntry => ({
  type: 'freeze',
  at: turn,
  agent: 'shop',
  turn,
  frozen: turn % 2 === 1,
  by: { iss: IDP, sub, name: sub, assurance: 'login', channel: 'cli', evidence: digestBytes(sub) },
})

/** A broker whose ledger has all of these, and which has heard of none of them yet. */
function behind(written: FreezeEntry[]): { context: Context; entries: LedgerEntry[] } {
  const entries: LedgerEntry[] = [...written]
  const subjects = new Map<string, LedgerEntry>(
    written.map((entry) => [ledgerSubject.freeze(1, entry.agent, entry.turn), entry]),
  )
  const freezes = createFreezes()
  const position = { index: 0, leafHash: '' }
  const person = {
    iss: IDP,
    sub: 'gina',
    name: 'gina',
    groups: [`oidc:${IDP}#group/sec`],
    assurance: 'login',
  }
  const context = {
    identity: { verifyToken: async () => ({ ...person, service: false }) },
    documents: {
      lastPolicy: () => loadPolicy(POLICY, 1),
      lastPeople: () => createPeople(),
      registration: () => ({}),
    },
    freezes,
    requests: { ofAgent: () => [] },
    epoch: () => 1,
    ledger: {
      async commit(subject: string, entry: LedgerEntry) {
        const first = subjects.get(subject)
        if (first) return { won: false, entry: first, position }
        subjects.set(subject, entry)
        entries.push(entry)
        return { won: true, entry, position }
      },
    },
    catchUp: async () => {
      for (const entry of entries) freezes.apply(entry, position)
    },
    now: () => 100,
    log: createFakeLog(),
  }
  return { context: context as unknown as Context, entries }
}
const stop = (context: Context) =>
  freeze.handle({ token: 'token', agentId: 'shop', frozen: true, channel: 'cli' }, context)

test('freeze - a broker that has not heard of its end yet does not take a freeze that is over for one that stands', async () => {
  const { context, entries } = behind([change(1, 'dora'), change(2, 'emil')])
  expect(await stop(context)).toMatchObject({ frozen: true, sinceMs: 100 })
  expect(entries.at(-1)).toMatchObject({ turn: 3, frozen: true, by: { sub: 'gina' } })
})

test('freeze - a broker that has not heard of it yet answers with the one that stands', async () => {
  const { context, entries } = behind([change(1, 'dora'), change(2, 'emil'), change(3, 'fred')])
  expect(await stop(context)).toMatchObject({ frozen: true, sinceMs: 3 })
  expect(entries).toHaveLength(3)
})
