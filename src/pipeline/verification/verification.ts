import type { NatsConnection } from '@nats-io/transport-node'
import { type Component, composeComponents, type Log } from '#runtime'
import type { FindingRow, Store } from '#store'
import { createEpochs } from '../epochs.ts'
import { createLedgerWriter } from '../ledger-writer.ts'
import type { Rewritten, TraceRanges } from '../otlp/ranges.ts'
import { createRequestEvents } from '../request-events.ts'
import { createSecondLook } from './judge-again.ts'
import type { Judged, JudgedPiece } from './judged.ts'
import { createLedgerReader } from './ledger-reader.ts'
import { createLedgerView } from './ledger-view.ts'
import { createPolicies } from './policies.ts'
import { createRegistrations } from './registrations.ts'
import { rewrite } from './rewrite.ts'
import { createTrustDocuments } from './trust-documents.ts'
import { createVerifier } from './verifier.ts'

export interface VerificationConfig {
  /** `ed25519:` and the organisation's public key: what policies must lead back to. */
  pin: string
  /**
   * How long spans wait for a ledger that cannot be read, before they are stored as `unverifiable`; milliseconds, 0
   * for senders that wait for their answer.
   */
  ledgerWaitMs: number
}

export interface VerificationDeps {
  /** Credentials that can only read the ledger and the trust stream are enough. */
  nc: NatsConnection
  store: Pick<Store, 'insertLedger' | 'insertFindings' | 'insertRows' | 'query'>
  /** As Findings.publish. */
  announce(findings: readonly FindingRow[]): Promise<void>
  now: () => number
  log: Log
}

/** Follows the ledger, copies it into the store, and judges spans by it. */
export interface SpanVerification extends Component {
  /** For scanTraces: how the names of attributes begin that are worth a look. */
  tellingPrefixes(): readonly string[]
  /**
   * Finds the spans that stand for actions and judges each by the ledger and the policy of its time. One call for
   * all pieces of a batch. Throws HoldpointError, retryable, where it is better to wait.
   */
  judge(pieces: readonly JudgedPiece[]): Promise<Judged>
  /** What is stored of these pieces in place of what came. */
  rewrite(ranges: TraceRanges, judged: Judged): Rewritten
  /** Ledger entries that wait to be stored. */
  waiting(): number
  /** Ledger entries that are committed and not read yet. Rejects where NATS does not say. */
  unread(): Promise<number>
}

/** A million entries take fourteen seconds. */
const FIRST_READ_TIMEOUT_MS = 60_000

export function createVerification(
  { pin, ledgerWaitMs }: VerificationConfig,
  { nc, store, announce, now, log }: VerificationDeps,
): SpanVerification {
  const view = createLedgerView()
  const writer = createLedgerWriter({ store, log })
  const events = createRequestEvents({ store, now, log })
  const documents = createTrustDocuments({ pin }, { nc })
  const policies = createPolicies({ documents, now, log })
  let hasBegun = false
  const epochs = createEpochs({
    nc,
    documents,
    now,
    log,
    onRecord(record) {
      view.apply(record.entry)
      writer.add(record)
      events.add(record)
      // Which spans are worth a look follows from it; the first may be on its way. Of those from before the start
      // only the ones that rule are needed.
      if (record.entry.type === 'policy' && hasBegun) void policies.prepare([record.entry])
    },
    // Spans are stored all the same; without a ledger to compare with, every action is unverifiable.
    onCorrupt: (error) => log.error('the ledger cannot be followed any more', { error }),
  })
  const reader = createLedgerReader({ barrier: epochs.barrier, waitMs: ledgerWaitMs, now, log })
  const registrations = createRegistrations({ documents, now, log })
  const verifier = createVerifier({ view, reader, policies, registrations, store, now })
  const secondLook = createSecondLook({ judgeAgain: verifier.judgeAgain, store, announce, now, log })
  /** What is worth a look is known before the first span comes: a kind that only a rule names is overlooked else. */
  const policiesFirst: Component = {
    name: 'policies',
    async start() {
      try {
        await epochs.barrier(FIRST_READ_TIMEOUT_MS)
        await policies.prepare(view.policiesBetween(now(), now()).filter((entry) => entry !== undefined))
      } catch (error) {
        log.error('the ledger cannot be read: spans are judged by what is known of it', { error })
      }
      hasBegun = true
    },
    async stop() {},
  }

  return {
    ...composeComponents([writer, events, epochs, policiesFirst, secondLook], log, 'verification'),
    tellingPrefixes: verifier.tellingPrefixes,
    judge: verifier.judge,
    rewrite: (ranges, judged) => rewrite(ranges, judged, view),
    waiting: writer.waiting,
    unread: epochs.unread,
  }
}
