import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, ledgerStream } from '#contract'
import { createLedgerTail, type Frontier, type LedgerRecord, type LedgerTail } from '#ledger'
import type { Component, Log } from '#runtime'
import type { Checkpoints } from './checkpoints.ts'
import type { Projection } from './projection.ts'
import type { Snapshots } from './snapshot.ts'

export interface HistoryConfig {
  epoch: number
  /** A snapshot is written after so many entries, or after so long when there is anything new. */
  snapshotEntries?: number
  snapshotMs?: number
}

export interface HistoryDeps {
  nc: NatsConnection
  log: Log
  projections: Record<string, Projection>
  checkpoints: Pick<Checkpoints, 'append' | 'size' | 'root' | 'frontier' | 'resume' | 'verified'>
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
}

/** Without any progress. */
const READ_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 5_000

export function createHistory(config: HistoryConfig, deps: HistoryDeps): History {
  const { epoch, snapshotEntries = 100_000, snapshotMs = 300_000 } = config
  const { nc, log, checkpoints, snapshots } = deps
  const projections = Object.values(deps.projections)
  let tail: LedgerTail | undefined
  let signed: { size: number; root: string } | undefined
  let isContradicted = false
  let saved = { size: 0, atMs: 0 }
  let timer: NodeJS.Timeout | undefined
  let saving: Promise<void> = Promise.resolve()

  function onRecord(record: LedgerRecord): void {
    for (const projection of projections) projection.apply(record)
    checkpoints.append(Buffer.from(record.leafHash, 'base64'))
    compare()
    deps.onRecord(record)
  }

  /** What has been read is what was signed, wherever we began. */
  function compare(): void {
    if (signed?.size === checkpoints.size() && signed.root !== checkpoints.root()) isContradicted = true
  }

  /** Resolves to whether it began with a snapshot. */
  async function begin(): Promise<boolean> {
    const snapshot = await snapshots?.read()
    const why = snapshot && (await unfit(snapshot.frontier))
    try {
      if (why !== undefined) throw new HoldpointError('LEDGER_CORRUPT', why)
      if (!snapshot) return false
      snapshot.load()
      checkpoints.resume(snapshot.frontier)
      compare()
      saved = { size: snapshot.frontier.size, atMs: performance.now() }
      return true
    } catch (error) {
      log.warn('the snapshot is ignored, and the ledger is read from its beginning', {
        reason: (error as Error).message,
      })
      forget()
      return false
    }
  }

  async function unfit({ size }: Frontier): Promise<string | undefined> {
    const { streams } = await jetstreamManager(nc, { checkAPI: false })
    const { state } = await streams.info(ledgerStream(epoch))
    if (size > state.last_seq) return `it knows ${size} entries, and the ledger has ${state.last_seq}`
    // Its root could be compared with nothing that anybody has signed.
    if (size > (signed?.size ?? 0))
      return `it knows ${size} entries, and ${signed?.size ?? 0} have been signed`
    return undefined
  }

  function forget(): void {
    for (const projection of projections) projection.clear()
    checkpoints.resume({ size: 0, hashes: [] })
    isContradicted = false
    saved = { size: 0, atMs: 0 }
  }

  async function read(): Promise<void> {
    tail = createLedgerTail(
      { epoch, fromIndex: checkpoints.size() },
      { nc, onRecord, onCorrupt: deps.onCorrupt },
    )
    await tail.start()
    for (;;) {
      const before = tail.index()
      try {
        return await tail.barrier(READ_WITHIN_MS)
      } catch (error) {
        // A long ledger takes its time, which is not the same as standing still.
        if (tail.index() === before || !(error instanceof HoldpointError && error.retryable)) throw error
      }
    }
  }

  async function save(): Promise<void> {
    const frontier = checkpoints.frontier()
    if (!snapshots || frontier.size === saved.size) return
    saved = { size: frontier.size, atMs: performance.now() }
    await snapshots.write(frontier).catch((error: Error) => {
      log.warn('no snapshot was written: the next start reads more of the ledger', { error })
    })
  }

  function look(): void {
    const entries = checkpoints.size() - saved.size
    if (entries < snapshotEntries && performance.now() - saved.atMs < snapshotMs) return
    clearInterval(timer)
    saving = save().then(schedule)
  }

  function schedule(): void {
    if (timer) timer = setInterval(look, LOOK_EVERY_MS)
  }

  return {
    name: 'ledger so far',
    async start() {
      signed = await checkpoints.verified()
      const isResumed = await begin()
      if (!isContradicted) await read()
      if (isContradicted && isResumed) {
        log.warn('the snapshot contradicts the signed checkpoint: the ledger is read from its beginning')
        await tail?.stop()
        forget()
        await read()
      }
      if (isContradicted)
        throw corrupt(`the root of its first ${signed?.size} entries is not the one that was signed`)
      if (checkpoints.size() < (signed?.size ?? 0))
        throw corrupt(`it ends at ${checkpoints.size()}, and ${signed?.size} entries have been signed`)
      log.info('the ledger has been read', { entries: checkpoints.size(), fromSnapshot: saved.size })
      saved.atMs = performance.now()
      timer = setInterval(look, LOOK_EVERY_MS)
    },
    async stop() {
      clearInterval(timer)
      const wasRunning = timer !== undefined
      timer = undefined
      await saving
      await tail?.stop()
      if (wasRunning) await save()
    },
    async barrier(timeoutMs) {
      if (!tail) throw new HoldpointError('LEDGER_UNAVAILABLE', undefined, { retryable: true })
      await tail.barrier(timeoutMs)
    },
  }
}

const corrupt = (what: string): HoldpointError => new HoldpointError('LEDGER_CORRUPT', `ledger: ${what}`)
