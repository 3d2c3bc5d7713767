import type { RowBlock } from '#store'
import { type Bytes, createBytes } from './bytes.ts'

export interface Blocks {
  bytes: Bytes
  endRow(): void
  /** Those that are full since it was last asked. */
  full(): RowBlock[]
  /** And what is left. */
  finish(): RowBlock[]
}

/** A part of a table for each insert and day: large inserts, or ClickHouse merges more than it writes. */
const MOST_ROWS = 100_000
const MOST_BYTES = 48 * 1024 * 1024

/** Rows of one table on their way into inserts; the same rows make the same ones. */
export function createBlocks(table: string, columns: readonly string[]): Blocks {
  const bytes = createBytes(1 << 16)
  let rows = 0
  let done: RowBlock[] = []
  const close = (): void => {
    if (rows > 0) done.push({ table, columns, rows, data: bytes.take() })
    rows = 0
  }
  const full = (): RowBlock[] => {
    const given = done
    done = []
    return given
  }
  return {
    bytes,
    endRow() {
      rows++
      if (rows === MOST_ROWS || bytes.at >= MOST_BYTES) close()
    },
    full,
    finish() {
      close()
      return full()
    },
  }
}
