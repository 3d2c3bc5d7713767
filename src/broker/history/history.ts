import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, ledgerStream } from '#contract'
import { createLedgerTails, type LedgerRecord, type LedgerTails } from '#ledger'
import type { Component, Log } from '#runtime'
import type { Projection } from '../state/projection.ts'
import type { SignedCheckpoint } from './checkpoints.ts'
import type { Logs } from './logs.ts'
import type { Snapshot, Snapshots } from './snapshot.ts'

export interface HistoryConfig {
  /** A snapshot is written after so many entries, or after so long when there is anything new. */
  snapshotEntries?: number
  snapshotMs?: number
}

export interface HistoryDeps {
  nc: NatsConnection
  log: Log
  /** The epochs that have begun, ascending. */
  begun(): number[]
  projections: Record<string, Projection>
  logs: Logs
  /** After the projections have taken it. */
  onRecord(record: LedgerRecord): void
  /** Absent: every start reads the whole ledger. */
  snapshots: Snapshots | undefined
  /** Once at most: the ledger contradicts itself. */
  onCorrupt(error: unknown): void
}

/** All that the ledger says, from a snapshot and the rest, or from its beginning; and then as it goes on. */
export interface History extends Component {
  /** Resolves when everything that was committed at the call is known. Throws LEDGER_UNAVAILABLE. */
  barrier(timeoutMs: number): Promise<void>
  /** Goes on with another epoch as well. */
  follow(epoch: number): Promise<void>
  /** It is sealed and read to its end; a snapshot remembers that. */
  leave(epoch: number): Promise<void>
  /** Those that are followed, ascending. */
  epochs(): number[]
}

/** Without any progress. */
const READ_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 5_000

export function createHistory(config: HistoryConfig, deps: HistoryDeps): History {
  const { snapshotEntries = 50_000, snapshotMs = 300_000 } = config
  const { nc, log, logs, snapshots } = deps
  const projections = Object.values(deps.projections)
  let tails = newTails()
  let left = new Set<number>()
  let signed = new Map<number, SignedCheckpoint>()
  let isContradicted = false
  let saved = { size: 0, atMs: 0 }
  let timer: NodeJS.Timeout | undefined
  let saving: Promise<void> = Promise.resolve()

  function newTails(): LedgerTails {
    return createLedgerTails({ nc, onRecord, onCorrupt: deps.onCorrupt })
  }

  function onRecord(record: LedgerRecord): void {
    for (const projection of projections) projection.apply(record)
    logs.of(record.epoch).append(Buffer.from(record.leafHash, 'base64'))
    compare(record.epoch)
    deps.onRecord(record)
  }

  /** What has been read is what was signed, wherever we began. */
  function compare(epoch: number): void {
    const { size, root } = logs.of(epoch)
    const head = signed.get(epoch)
    if (head?.size === size() && head.root !== root()) isContradicted = true
  }

  const entries = (): number => logs.frontiers().reduce((sum, [, { size }]) => sum + size, 0)

  /** Resolves to how many entries it began with. */
  async function begin(sizes: Map<number, number>): Promise<number> {
    const snapshot = await snapshots?.read()
    const why = snapshot && unfit(snapshot, sizes)
    try {
      if (why !== undefined) throw new HoldpointError('LEDGER_CORRUPT', why)
      if (!snapshot) return 0
      snapshot.load()
      left = new Set(snapshot.left)
      for (const [epoch, frontier] of snapshot.frontiers) {
        logs.of(epoch).resume(frontier)
        compare(epoch)
      }
      saved = { size: entries(), atMs: performance.now() }
      return entries()
    } catch (error) {
      log.warn('the snapshot is ignored, and the ledger is read from its beginning', {
        reason: (error as Error).message,
      })
      forget()
      return 0
    }
  }

  function unfit({ frontiers, left: over }: Snapshot, sizes: Map<number, number>): string | undefined {
    for (const [epoch, { size }] of frontiers) {
      const has = sizes.get(epoch)
      // Sealed, read to its end, and dropped since: nothing more can come from it.
      if (has === undefined && over.includes(epoch)) continue
      if (size > (has ?? 0)) return `it knows ${size} entries, and the ledger has ${has ?? 0}`
      // Its root could be compared with nothing that anybody has signed.
      const heads = signed.get(epoch)?.size ?? 0
      if (size > heads) return `it knows ${size} entries, and ${heads} have been signed`
    }
    return undefined
  }

  function forget(): void {
    for (const projection of projections) projection.clear()
    logs.clear()
    left = new Set()
    isContradicted = false
    saved = { size: 0, atMs: 0 }
  }

  async function read(sizes: Map<number, number>): Promise<void> {
    for (const epoch of sizes.keys()) if (!left.has(epoch)) await tails.follow(epoch, logs.of(epoch).size())
    await tails.start()
    for (;;) {
      const before = entries()
      try {
        return await tails.barrier(READ_WITHIN_MS)
      } catch (error) {
        // A long ledger takes its time, which is not the same as standing still.
        if (entries() === before || !(error instanceof HoldpointError && error.retryable)) throw error
      }
    }
  }

  /** How many entries each epoch has whose stream is there: old ones may have been exported and dropped. */
  async function lookAtStreams(): Promise<Map<number, number>> {
    const { streams } = await jetstreamManager(nc, { checkAPI: false })
    const sizes = new Map<number, number>()
    const begun = deps.begun()
    for (const epoch of begun) {
      try {
        sizes.set(epoch, (await streams.info(ledgerStream(epoch))).state.last_seq)
      } catch (error) {
        if (epoch !== begun.at(-1) && isMissing(error)) continue
        throw new HoldpointError('LEDGER_UNAVAILABLE', `stream ${ledgerStream(epoch)} cannot be read`, {
          cause: error,
          retryable: true,
        })
      }
    }
    await refuseUnknown((begun.at(-1) ?? 0) + 1)
    return sizes
  }

  /** To go on without an epoch would be to forget what stands in it: who is frozen, which policy rules. */
  async function refuseUnknown(epoch: number): Promise<void> {
    const { streams } = await jetstreamManager(nc, { checkAPI: false })
    const info = await streams.info(ledgerStream(epoch)).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw new HoldpointError('LEDGER_UNAVAILABLE', undefined, { cause: error, retryable: true })
    })
    if (info && info.state.last_seq > 0)
      throw corrupt(
        `epoch ${epoch} has ${info.state.last_seq} entries, and no signed document tells of it; publish trust/ again, with \`holdpoint directory publish\` or \`holdpoint up\``,
      )
  }

  async function readHeads(sizes: Map<number, number>): Promise<void> {
    const heads = [...sizes.keys()].map(async (epoch) => [epoch, await logs.of(epoch).verified()] as const)
    const found = await Promise.all(heads)
    signed = new Map(found.filter((head): head is [number, SignedCheckpoint] => head[1] !== undefined))
  }

  function checkHeads(): void {
    for (const [epoch, { size }] of signed) {
      if (isContradicted)
        throw corrupt(`the root of its first ${size} entries is not the one that was signed`)
      const read = logs.of(epoch).size()
      if (read < size) throw corrupt(`it ends at ${read}, and ${size} entries have been signed`)
    }
  }

  async function save(): Promise<void> {
    const size = entries()
    if (!snapshots || size === saved.size) return
    saved = { size, atMs: performance.now() }
    await snapshots.write({ frontiers: logs.frontiers(), left: [...left] }).catch((error: Error) => {
      log.warn('no snapshot was written: the next start reads more of the ledger', { error })
    })
  }

  function look(): void {
    if (entries() - saved.size < snapshotEntries && performance.now() - saved.atMs < snapshotMs) return
    clearInterval(timer)
    saving = save().then(schedule)
  }

  function schedule(): void {
    if (timer) timer = setInterval(look, LOOK_EVERY_MS)
  }

  return {
    name: 'ledger so far',
    async start() {
      const sizes = await lookAtStreams()
      await readHeads(sizes)
      const fromSnapshot = await begin(sizes)
      if (!isContradicted) await read(sizes)
      if (isContradicted && fromSnapshot > 0) {
        log.warn('the snapshot contradicts the signed checkpoint: the ledger is read from its beginning')
        await tails.stop()
        tails = newTails()
        forget()
        await read(sizes)
      }
      checkHeads()
      log.info('the ledger has been read', { entries: entries(), fromSnapshot: saved.size })
      saved.atMs = performance.now()
      timer = setInterval(look, LOOK_EVERY_MS)
    },
    async stop() {
      clearInterval(timer)
      const wasRunning = timer !== undefined
      timer = undefined
      await saving
      await tails.stop()
      if (wasRunning) await save()
    },
    barrier: (timeoutMs) => tails.barrier(timeoutMs),
    follow: (epoch) => tails.follow(epoch, logs.of(epoch).size()),
    async leave(epoch) {
      await tails.leave(epoch)
      left.add(epoch)
    },
    epochs: () => tails.epochs(),
  }
}

const STREAM_NOT_FOUND = 10059
const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND

const corrupt = (what: string): HoldpointError => new HoldpointError('LEDGER_CORRUPT', `ledger: ${what}`)
