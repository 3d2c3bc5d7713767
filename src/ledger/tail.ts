import { jetstream, type StreamState } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, ledgerStream } from '#contract'
import { corrupt, createRecordReader, type LedgerRecord, type StoredMessage } from './record.ts'
import { createWaiters, within } from './tail-barrier.ts'
import { keepOpen, type Session } from './tail-session.ts'

export interface LedgerTailConfig {
  epoch: number
  /** Where to begin, for a reader with a snapshot; 0 when absent. */
  fromIndex?: number
}

export interface LedgerTailDeps {
  nc: NatsConnection
  /** Called once for each record, in order. What it throws ends the tail, through onCorrupt. */
  onRecord(record: LedgerRecord): void
  /** Called once at most, and nothing is delivered afterwards: LEDGER_CORRUPT, or what onRecord threw. */
  onCorrupt(error: unknown): void
}

export interface LedgerTail {
  readonly name: string
  /** Rejects with LEDGER_UNAVAILABLE when the stream cannot be read. Does not wait for its records: barrier does. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The index of the next record. */
  index(): number
  /**
   * Resolves when everything that was committed at the call has been delivered.
   * Rejects with LEDGER_UNAVAILABLE when that takes longer, or with what has ended the tail.
   */
  barrier(timeoutMs: number): Promise<void>
}

/** Follows the ledger's stream over reconnects: every record once, in order, or an alarm. */
export function createLedgerTail(config: LedgerTailConfig, deps: LedgerTailDeps): LedgerTail {
  const { nc, onRecord, onCorrupt } = deps
  const stream = ledgerStream(config.epoch)
  const reader = createRecordReader(config)
  const waiters = createWaiters()
  let failure: { error: unknown } | undefined
  let following: { stop(): Promise<void> } | undefined

  /** Looks for what no delivery shows: an entry that was taken away, or another stream under the same name. */
  async function readState(): Promise<StreamState> {
    // Taken before the call: records may be delivered while it is under way.
    const seen = reader.index()
    const { state } = await (await jetstream(nc).jetstreamManager(false)).streams.info(stream)
    if (state.messages !== state.last_seq)
      fail(corrupt(`${stream} holds ${state.messages} entries up to number ${state.last_seq}`))
    if (state.last_seq < seen)
      fail(corrupt(`${stream} ends at ${state.last_seq}, but ${seen} entries were seen before`))
    return state
  }

  async function open(): Promise<Session> {
    await readState()
    const consumer = await jetstream(nc).consumers.get(stream, { opt_start_seq: reader.index() + 1 })
    let live = true
    const callback = (message: StoredMessage) => {
      if (live && !failure) deliver(message)
    }
    const messages = await consumer.consume({ max_messages: BATCH, expires: EXPIRES_MS, callback })
    return {
      ended: messages.closed(),
      async close() {
        live = false
        await messages.close()
        // Left alone, the server forgets it after some minutes; nobody needs to wait for either.
        if (!nc.isClosed()) consumer.delete().catch(() => {})
      },
    }
  }

  function deliver(message: StoredMessage): void {
    try {
      const record = reader.read(message)
      if (record === undefined) return
      onRecord(record)
      waiters.reached(reader.index())
    } catch (error) {
      fail(error)
    }
  }

  function fail(error: unknown): void {
    if (failure) return
    failure = { error }
    waiters.rejectAll(error)
    following?.stop()
    onCorrupt(error)
  }

  const unavailable = (why: string, cause?: unknown): HoldpointError =>
    new HoldpointError('LEDGER_UNAVAILABLE', `${stream}: ${why}`, { cause, retryable: true })

  return {
    name: `ledger-tail-${config.epoch}`,
    index: reader.index,
    async start() {
      following ??= await keepOpen(nc, open).catch((cause: Error) => {
        throw unavailable(cause.message, cause)
      })
      if (failure) await following.stop()
    },
    async stop() {
      const stopping = following
      following = undefined
      waiters.rejectAll(unavailable('it is not followed any more'))
      await stopping?.stop()
    },
    async barrier(timeoutMs) {
      const arrive = async () => {
        if (!following) throw unavailable('it is not followed')
        const { last_seq } = await readState().catch((cause: Error) => {
          throw unavailable(cause.message, cause)
        })
        if (failure) throw failure.error
        if (reader.index() < last_seq) await waiters.until(last_seq)
      }
      if (failure) throw failure.error
      await within(timeoutMs, arrive(), () => unavailable(`not caught up within ${timeoutMs} ms`))
    },
  }
}

/** How many messages the server may send ahead of us. */
const BATCH = 500
/** The life of one pull; half of it without a word from the server means that it is asked again. */
const EXPIRES_MS = 5_000
