import { HoldpointError } from '#contract'
import { type ClickHouseTarget, createStore, type Store } from '#store'
import { checkOptions, type SeedOptions, WEEK_MS } from './options.ts'
import type { SeedReport } from './report.ts'
import { findSeeded, markBegun, markDone, refuseStrangers } from './seeded.ts'
import { generateWeek, type Part } from './week/generate.ts'

export interface SeedDeps {
  /** Spans of the ordinary traffic that have been made, and how many there will be, about. */
  progress?(done: number, total: number): void
  /** Stops between two inserts; the same options go on from there another time. */
  signal?: AbortSignal
}

/**
 * Writes a week into a store: into an empty one, or where the same week was begun. Throws INVALID_INPUT for options
 * that make none, REFUSED where the store holds anything else, ABORTED when it was stopped, and as Store does.
 */
export async function seedStore(
  target: ClickHouseTarget,
  given: SeedOptions,
  { progress, signal }: SeedDeps = {},
): Promise<SeedReport> {
  const options = checkOptions(given)
  await refuseStrangers(target)
  const store = createStore(target)
  try {
    await store.migrate()
    const before = await findSeeded(store, options)
    if (before !== undefined) return { ...before, isRepeated: true }
    await markBegun(store, options)
    const report = await write(store, options, {
      ...(progress ? { progress } : {}),
      ...(signal ? { signal } : {}),
    })
    await markDone(store, report)
    return report
  } finally {
    await store.close()
  }
}

/** While one insert is under way, the next is made. */
const AT_ONCE = 2

async function write(
  store: Store,
  options: SeedOptions,
  { progress, signal }: SeedDeps,
): Promise<SeedReport> {
  const rows: Record<string, number> = {}
  const under = new Set<Promise<void>>()
  let incidents: SeedReport['incidents'] = []
  let number = 0
  const insert = async (
    table: string,
    count: number,
    run: (token: string) => Promise<void>,
  ): Promise<void> => {
    rows[table] = (rows[table] ?? 0) + count
    while (under.size >= AT_ONCE) await Promise.race(under)
    if (signal?.aborted) throw new HoldpointError('UNAVAILABLE', STOPPED)
    const running: Promise<void> = run(`seed ${JSON.stringify(options)} ${number++}`).finally(() =>
      under.delete(running),
    )
    under.add(running)
    // Told when it is waited for.
    running.catch(() => {})
  }

  async function writePart(part: Part): Promise<void> {
    switch (part.of) {
      case 'rows':
        return insert(part.block.table, part.block.rows, (token) => store.insertRows(part.block, token))
      case 'ledger':
        return insert('holdpoint_ledger', part.rows.length, (token) => store.insertLedger(part.rows, token))
      case 'progress':
        return progress?.(part.spans, options.spans)
      case 'report':
        incidents = part.incidents
    }
  }

  try {
    for (const part of generateWeek(options)) await writePart(part)
  } finally {
    await Promise.all(under)
  }
  return { options, fromMs: options.endsAtMs - WEEK_MS, rows, incidents, isRepeated: false }
}

const STOPPED = 'the seed was stopped; the same command goes on where it was'
