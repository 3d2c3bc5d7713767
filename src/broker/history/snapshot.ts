import { join } from 'node:path'
import { HoldpointError, type JsonValue } from '#contract'
import type { Frontier } from '#ledger'
import type { Log } from '#runtime'
import type { Projection } from '../state/projection.ts'
import { readSnapshot, snapshotKey, writeSnapshot } from './snapshot-file.ts'

export interface SnapshotConfig {
  /** The folder that keeps it. */
  dir: string
  origin: string
  /** The broker's. */
  secret: Uint8Array
}

/**
 * What the projections made of the ledger so far, in a file: a start then reads only what came after. It proves
 * nothing and is owed nothing: whatever is wrong with it, the ledger is read from its beginning instead.
 */
export interface Snapshots {
  /** Undefined where there is none that is ours. */
  read(): Promise<(Snapshot & { load(): void }) | undefined>
  /** Of the projections as they are now, which is when exactly the frontiers' records have been applied. */
  write(snapshot: Snapshot): Promise<void>
}

export interface Snapshot {
  /** How far each epoch has been read. */
  frontiers: [epoch: number, Frontier][]
  /** Epochs of which nothing more is to come: sealed, and read to their end. */
  left: number[]
}

type Header = Snapshot & { v: 2; origin: string; projections: string[] }

export function createSnapshots(
  { dir, origin, secret }: SnapshotConfig,
  { projections, log }: { projections: Record<string, Projection>; log: Log },
): Snapshots {
  const file = join(dir, 'ledger.snapshot')
  const key = snapshotKey(secret)
  const names = Object.keys(projections)

  async function open() {
    const lines = await readSnapshot(file, key)
    if (!lines) return undefined
    const header = lines.next().value as unknown as Header
    const { frontiers, left } = header
    const ours = headerOf({ frontiers, left })
    // Also of another version of this software, which keeps other projections.
    if (JSON.stringify(header) !== JSON.stringify(ours))
      throw new HoldpointError(
        'LEDGER_CORRUPT',
        `it is of ${JSON.stringify({ ...header, frontiers: undefined })}`,
      )
    const load = (): void => {
      for (const [name, row] of lines as Generator<[string, JsonValue]>) projections[name]?.load(row)
    }
    return { frontiers, left, load }
  }

  const headerOf = ({ frontiers, left }: Snapshot): Header => ({
    v: 2,
    origin,
    frontiers,
    left,
    projections: names,
  })

  return {
    async read() {
      try {
        return await open()
      } catch (error) {
        log.warn('the snapshot is ignored, and the ledger is read from its beginning', {
          file,
          reason: (error as Error).message,
        })
        return undefined
      }
    },
    async write(snapshot) {
      // All at once: the rows that each yields later still tell of now.
      const saved = Object.entries(projections).map(([name, one]) => [name, one.save()] as const)
      await writeSnapshot(file, key, linesOf(headerOf(snapshot), saved))
    },
  }
}

function* linesOf(header: Header, saved: (readonly [string, Iterable<JsonValue>])[]): Generator<JsonValue> {
  yield header as unknown as JsonValue
  for (const [name, rows] of saved) for (const row of rows) yield [name, row]
}
