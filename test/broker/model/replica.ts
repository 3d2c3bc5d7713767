import type { Scheduler } from 'fast-check'
import { type Action, encodeEntry, HoldpointError, type JsonValue, type LedgerEntry } from '#contract'
import type { Person } from '#identity'
import { type CompiledPolicy, createPeople } from '#policy'
import { generateKey, loadKey } from '#warrant/issue'
import { sweep } from '../../../src/broker/arrows/sweep.ts'
import type { Context } from '../../../src/broker/context.ts'
import type { Committed } from '../../../src/broker/history/commit.ts'
import { createMint } from '../../../src/broker/mint.ts'
import { createKnowledge } from '../../../src/broker/state/knowledge.ts'
import { createLeases } from '../../../src/broker/state/leases.ts'
import { createQuotas } from '../../../src/broker/state/quotas.ts'
import { createMeasures } from '../../../src/broker/telemetry.ts'
import type { Stream } from './stream.ts'

/** How a write may go wrong: its answer is lost, or it never arrives. Either way nobody says which. */
export type Fault = 'none' | 'lost answer' | 'lost write'

export interface WorldParts {
  stream: Stream
  scheduler: Scheduler
  now: () => number
  policy: CompiledPolicy
  people: Map<string, Person>
  payloads: Map<string, JsonValue>
  nextFault(): Fault
}

export interface Replica {
  context: Context
  /** Reads one more leaf of the stream, if there is one. */
  follow(): void
  /** Whatever it was doing never goes on. */
  kill(): void
  /** Settles when it is. */
  killed: Promise<void>
  isAlive(): boolean
  /** The index of the next leaf that it will read. */
  next(): number
  sweep(): Promise<void>
}

const key = loadKey(generateKey().seed)
const NEVER = new Promise<never>(() => {})

/** A broker with the real state machine, over a ledger whose every answer comes when the scheduler says. */
export function createReplica(parts: WorldParts): Replica {
  const { stream, scheduler, now, policy, people, payloads } = parts
  const { requests, denials, freezes, newest } = createKnowledge({ keptRequests: undefined }, { now })
  const killed = Promise.withResolvers<void>()
  let next = 0
  let isDead = false

  /** A point at which anything else may happen first. */
  async function pass(label: string): Promise<void> {
    await scheduler.schedule(Promise.resolve(), label)
    if (isDead) await NEVER
  }

  function follow(): void {
    const leaf = stream.leaves[next]
    if (isDead || !leaf) return
    next++
    requests.apply(leaf.entry, leaf.position)
  }

  async function commit<E extends LedgerEntry>(subject: string, entry: E): Promise<Committed<E>> {
    const fault = parts.nextFault()
    await pass(`write ${subject}`)
    if (fault === 'lost write') throw new HoldpointError('LEDGER_UNAVAILABLE', 'lost', { retryable: true })
    const leaf = stream.write(subject, entry)
    await pass(`answer ${subject}`)
    if (fault === 'lost answer') throw new HoldpointError('LEDGER_UNAVAILABLE', 'lost', { retryable: true })
    return { won: leaf.bytes === encodeEntry(entry), entry: leaf.entry as E, position: leaf.position }
  }

  async function catchUp(): Promise<void> {
    const end = stream.leaves.length
    await pass('catch up')
    while (next < end) follow()
  }

  const payloadKey = (requestId: string, part: string): string => `${requestId} ${part}`
  const context = {
    epoch: () => 1,
    openEpochs: () => [1],
    config: { origin: ORIGIN, heartbeatMs: 5_000, maxPayloadBytes: 1_000_000, secret: SECRET },
    ledger: { commit },
    requests,
    past: { read: async () => undefined },
    denials,
    freezes,
    quotas: createQuotas({ now }),
    knownDirectory: () => undefined,
    assertOpen: () => {},
    erasures: { add: () => {} },
    payloads: {
      async create(requestId: string, part: string, value: JsonValue) {
        await pass('payload')
        const at = payloadKey(requestId, part)
        if (!payloads.has(at)) payloads.set(at, value)
        return payloads.get(at) as JsonValue
      },
      async add(requestId: string, part: string, value: JsonValue) {
        await pass('payload')
        payloads.set(payloadKey(requestId, part), value)
        return value
      },
      async get(requestId: string, part: string) {
        await pass('payload')
        return payloads.get(payloadKey(requestId, part))
      },
    },
    documents: {
      policy: () => ({ compiled: policy, version: 1, jws: '', document: {} }),
      hasPolicy: () => true,
      people: () => createPeople(),
      lastPolicy: () => policy,
      lastPeople: () => createPeople(),
      directory: () => undefined,
      registration: (agentId: string) => ({ registration: registrationOf(agentId), jws: '' }),
    },
    identity: {
      async verifyToken(token: string) {
        const person = people.get(token)
        if (!person) throw new HoldpointError('UNAUTHENTICATED')
        return person
      },
    },
    leases: createLeases({ leaseMs: 15_000 }, { now }),
    mint: createMint({ origin: ORIGIN, key }),
    notify: { settled: () => {}, trustChanged: () => {}, desk: () => {}, alarm: () => {} },
    measures: createMeasures(),
    newest,
    checkpoint: async () => undefined,
    maxReplyBytes: () => 1_000_000,
    catchUp,
    now,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => undefined },
  } as unknown as Context

  return {
    context,
    follow,
    kill: () => {
      isDead = true
      killed.resolve()
    },
    killed: killed.promise,
    isAlive: () => !isDead,
    next: () => next,
    sweep: () => sweep(context),
  }
}

const ORIGIN = 'test.invalid/holdpoint'
const SECRET = new Uint8Array(32)
export const ISSUER = 'https://idp.example.com'

const registrationOf = (agentId: string) => ({
  v: 1,
  version: 1,
  iat: 0,
  agent: { iss: ORIGIN, sub: agentId, name: agentId },
  owner: { iss: ISSUER, sub: 'olga' },
  environment: 'prod',
  enforcement: 'in-process',
})

export const actionOf = (name: string): Action => ({
  kind: 'tool',
  name,
  arguments: {},
  runtime: { serviceName: 'model', host: 'host' },
  trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
})
