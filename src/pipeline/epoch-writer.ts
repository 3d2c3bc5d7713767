import { HoldpointError } from '#contract'
import type { LedgerRecord } from '#ledger'
import type { Component, Log } from '#runtime'
import { type LedgerRow, type Store, toLedgerRow } from '#store'

const ROWS_AT_ONCE = 5_000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

export interface EpochWriter extends Component {
  add(record: LedgerRecord): void
  /** Records that wait to be stored. */
  waiting(): number
}

/**
 * Copies one epoch of the ledger into `holdpoint_ledger`, every record once: what stands there already is compared, not believed,
 * for a row that another ledger or another hand put there must not hide ours. A batch that is written again carries
 * the same token. What cannot be stored now waits, in order.
 */
export function createEpochWriter(
  { epoch }: { epoch: number },
  deps: { store: Pick<Store, 'insertLedger' | 'query'>; log: Log },
): EpochWriter {
  const { store, log } = deps
  const origin = String(epoch)
  const stopping = new AbortController()
  let queue: LedgerRecord[] = []
  /** Behind the last index stored before the start. */
  let storedBefore: number | undefined
  let pumping: Promise<void> | undefined

  async function pump(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; queue.length > 0; ) {
      try {
        storedBefore ??= await findNext(store, origin)
        await writeSome(storedBefore)
        waitMs = FIRST_WAIT_MS
      } catch (error) {
        if (stopping.signal.aborted) return
        log.warn('the ledger cannot be stored; it waits', { waiting: queue.length, waitMs, error })
        await pause(waitMs, stopping.signal)
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
      }
    }
  }

  async function writeSome(storedBefore: number): Promise<void> {
    const some = queue.slice(0, ROWS_AT_ONCE)
    const [first, last] = [some[0], some.at(-1)]
    if (first === undefined || last === undefined) return
    const isStored = first.index < storedBefore ? await compare(first.index, last.index) : () => false
    const rows = some.filter((record) => !isStored(record)).map((record) => toRow(record, origin))
    const token = `ledger ${origin} ${first.index}-${last.index} (${rows.length}) ${last.leafHash}`
    await store.insertLedger(rows, token)
    queue = queue.slice(some.length)
  }

  async function compare(first: number, last: number): Promise<(record: LedgerRecord) => boolean> {
    const rows = await store.query<{ index: string; leaf: string }>(
      `SELECT DISTINCT toString(ledger_index) AS index, leaf_hash AS leaf FROM holdpoint_ledger
       WHERE origin = {origin:String} AND ledger_index BETWEEN {first:UInt64} AND {last:UInt64}`,
      { origin, first, last },
    )
    const stored = new Set(rows.map(({ index, leaf }) => `${index} ${leaf}`))
    const taken = new Set(rows.map(({ index }) => index))
    return (record) => {
      const isSame = stored.has(`${record.index} ${hexOf(record)}`)
      if (!isSame && taken.has(String(record.index)))
        log.error('a stored row contradicts the ledger; the entry is stored beside it', {
          index: record.index,
        })
      return isSame
    }
  }

  function run(): void {
    pumping ??= pump().finally(() => {
      pumping = undefined
      if (queue.length > 0 && !stopping.signal.aborted) run()
    })
  }

  return {
    name: `ledger-writer-${epoch}`,
    add(record) {
      queue.push(record)
      run()
    },
    waiting: () => queue.length,
    async start() {},
    /** One last try; what is left is in the ledger, and is written after the next start. */
    async stop() {
      stopping.abort()
      await pumping
      if (queue.length > 0)
        log.warn('ledger entries are stored after the next start', { waiting: queue.length })
    },
  }
}

async function findNext(store: Pick<Store, 'query'>, origin: string): Promise<number> {
  const [row] = await store.query<{ next: string | number }>(
    'SELECT if(count() = 0, 0, max(ledger_index) + 1) AS next FROM holdpoint_ledger WHERE origin = {origin:String}',
    { origin },
  )
  if (row === undefined)
    throw new HoldpointError('INTERNAL', 'holdpoint_ledger: no answer to max(ledger_index)')
  return Number(row.next)
}

function toRow(record: LedgerRecord, origin: string): LedgerRow {
  const { index, entry, leaf } = record
  return toLedgerRow(entry, { origin, index, leafHash: hexOf(record), statement: leaf })
}

const hexOf = ({ leafHash }: LedgerRecord): string => Buffer.from(leafHash, 'base64').toString('hex')

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
  })
