import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type Alarm,
  agentHints,
  alarmSubject,
  type DeskEventName,
  encodeMessage,
  eventSubject,
  type Hint,
  type LedgerReply,
} from '#contract'
import type { Identity } from '#identity'
import type { Log } from '#runtime'
import type { Documents } from './documents/documents.ts'
import type { LedgerWriter } from './history/commit.ts'
import type { Past } from './history/past.ts'
import type { Mint } from './mint.ts'
import type { Erasures } from './request/erasures.ts'
import type { Payloads } from './request/payload.ts'
import type { Denials } from './state/denials.ts'
import type { Freezes } from './state/freezes.ts'
import type { KnownDirectory } from './state/known-directory.ts'
import type { Leases } from './state/leases.ts'
import type { Newest } from './state/newest.ts'
import type { Quotas } from './state/quotas.ts'
import { type Request, type Requests, summarise } from './state/requests.ts'
import type { Measures } from './telemetry.ts'

/** What every call of the broker works with. */
export interface Context {
  /** That takes new requests; one that is known has its own. */
  epoch(): number
  /** The current one and those before it in which something may still be open, ascending. */
  openEpochs(): number[]
  config: { origin: string; heartbeatMs: number; maxPayloadBytes: number; secret: Uint8Array }
  ledger: LedgerWriter
  requests: Requests
  /** Those that have left memory. */
  past: Past
  denials: Denials
  /** The newest directory of people that the ledger knows. */
  knownDirectory(): KnownDirectory | undefined
  freezes: Freezes
  quotas: Quotas
  payloads: Payloads
  erasures: Erasures
  documents: Documents
  identity: Identity
  leases: Leases
  mint: Mint
  notify: Notify
  measures: Measures
  newest: Newest
  /** The newest signed checkpoint, whichever replica signed it. */
  checkpoint(): Promise<LedgerReply['checkpoint']>
  /** Throws LEDGER_UNAVAILABLE while what the ledger rests on is not as it has to be. */
  assertOpen(): void
  /** What the server takes as one message. */
  maxReplyBytes(): number
  /** Resolves when this broker knows all that is committed by now, through whichever replica. */
  catchUp(): Promise<void>
  now: () => number
  log: Log
}

/** Tells those who wait that something is worth a look. Losing a message costs them time, never an answer. */
export interface Notify {
  settled(request: Request): void
  trustChanged(agentIds: Iterable<string>): void
  /**
   * `turn` is the ledger index of the review that `reviewed` is about, or the step of `escalated`. `first` is called
   * where the event stream had not been told before, by nobody.
   */
  desk(event: DeskEventName, request: Request, turn?: number, first?: () => void): void
  /** Once for each `kind` and `name`: the event stream takes no second one. */
  alarm(kind: string, name: string, alarm: Alarm): void
}

export function createNotify(nc: NatsConnection): Notify {
  const js = jetstream(nc)
  const send = (subject: string, value: unknown): void => {
    // While the connection is down the hint is lost, which heartbeats make good.
    if (!nc.isClosed()) nc.publish(subject, encodeMessage(value))
  }
  const hint = (agentId: string, value: Hint): void => send(agentHints(agentId), value)
  return {
    settled: ({ requested }) =>
      hint(requested.agent.sub, { hint: 'settled', requestId: requested.requestId }),
    trustChanged: (agentIds) => {
      for (const agentId of agentIds) hint(agentId, { hint: 'trust' })
    },
    desk(event, request, turn, first) {
      const subject = eventSubject(event, request.requested.requestId, turn)
      if (first === undefined) return send(subject, summarise(request))
      // It refuses what it has: only of the first one it says that it has taken it.
      if (!nc.isClosed()) js.publish(subject, encodeMessage(summarise(request))).then(first, () => {})
    },
    alarm: (kind, name, alarm) => send(alarmSubject(kind, name), alarm),
  }
}
