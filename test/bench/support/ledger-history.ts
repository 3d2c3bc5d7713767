import { hash } from 'node:crypto'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type DecidedEntry,
  type Digest,
  encodeEntry,
  type LedgerEntry,
  ledgerStream,
  type RequestedEntry,
  type ReviewEntry,
  type SpentEntry,
  subjectOfEntry,
} from '#contract'

const digestOf = (text: string): Digest => `sha-256:${hash('sha256', text, 'hex')}`

/** A request as a real one looks, the `nth` of an installation; `nowMs` is when it was asked. */
export function requestedEntry(
  epoch: number,
  nth: number,
  nowMs: number,
  asker: { id: string; process: string } = {
    id: `agent-${nth % 20}`,
    process: `process-${nth % 20}-of-many`,
  },
): RequestedEntry {
  const requestId = `${epoch}-${hash('sha256', `request ${nth}`, 'hex')
    .slice(0, 26)
    .replaceAll(/[0189]/g, 'x')}`
  const { id: agent, process } = asker
  return {
    type: 'requested',
    at: nowMs,
    requestId,
    actionDigest: digestOf(`action ${nth}`),
    agent: { iss: 'holdpoint:test.invalid/holdpoint', sub: agent, name: agent },
    owner: { iss: 'https://development.holdpoint.invalid', sub: 'alice' },
    environment: 'prod',
    enforcement: `in-process:${agent}`,
    onBehalfOf: [{ iss: 'https://development.holdpoint.invalid', sub: 'dave' }],
    kind: 'tool',
    name: 'export_customers',
    target: 'customers-eu',
    process,
    trace: {
      traceId: hash('sha256', `trace ${nth}`, 'hex').slice(0, 32),
      spanId: hash('sha256', `span ${nth}`, 'hex').slice(0, 16),
    },
    ruling: {
      effect: 'hold',
      rule: 'defaults',
      policyVersion: 1,
      policyHash: digestOf('policy'),
      risk: 'high',
    },
    approvals: { from: ['sre', 'data-owners'], threshold: 1, assurance: 'login' },
    expiresAt: nowMs + 3_600_000,
    validForMs: 3_600_000,
    renderHash: digestOf(`card ${nth}`),
    repeatKey: hash('sha256', `repeat ${nth}`, 'base64url'),
    rememberDenialMs: 3_600_000,
  }
}

/** The four entries that end one: reviewed, decided, consumed, executed. */
export function restOf({ requestId, actionDigest, renderHash, trace, at }: RequestedEntry): LedgerEntry[] {
  const about = { at: at + 1, requestId, actionDigest }
  const reviewer: ReviewEntry['reviewer'] = {
    iss: 'https://development.holdpoint.invalid',
    sub: 'bob',
    name: 'Bob Berger',
    assurance: 'login',
    channel: 'console',
    evidence: digestOf('token'),
    authTime: 1_790_000_000,
  }
  const review: ReviewEntry = {
    type: 'review',
    ...about,
    reviewer,
    verdict: 'approve',
    renderHash,
    groups: ['sre'],
  }
  const decided: DecidedEntry = { type: 'decided', ...about, decision: 'approved', by: [reviewer] }
  const spent: SpentEntry = { type: 'spent', ...about, spend: 'consumed', nonce: 'n'.repeat(22), trace }
  return [review, decided, spent, { type: 'outcome', ...about, outcome: 'executed' }]
}

/** `finished` requests from first to last entry, and then `pending` that nobody has answered; numbered from `first`. */
export function* historyOf(epoch: number, finished: number, pending: number, nowMs: number, first = 0) {
  for (let nth = 0; nth < finished + pending; nth++) {
    const requested = requestedEntry(epoch, first + nth, nowMs)
    yield requested
    if (nth < finished) yield* restOf(requested)
  }
}

const UNDER_WAY = 1_000

/** Writes a history into the ledger's stream as the broker would, many at a time and in order. */
export async function fill(
  nc: NatsConnection,
  epoch: number,
  entries: Iterable<LedgerEntry>,
  say: (line: string) => void = () => {},
): Promise<number> {
  const js = jetstream(nc)
  const expect = { streamName: ledgerStream(epoch) }
  let underWay: Promise<unknown>[] = []
  let count = 0
  for (const entry of entries) {
    underWay.push(
      js.publish(subjectOfEntry(epoch, entry, 'b'.repeat(32)), encodeEntry(entry), {
        expect,
        timeout: 30_000,
      }),
    )
    if (++count % 100_000 === 0) say(`${count} entries`)
    if (underWay.length < UNDER_WAY) continue
    await Promise.all(underWay)
    underWay = []
  }
  await Promise.all(underWay)
  return count
}
