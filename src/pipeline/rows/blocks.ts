import type { RowBlock } from '#store'
import { createRowWriter, type RowWriter } from '../row-binary.ts'

/** A block is closed once it has as many: a megabyte that is said once of ten thousand spans is ten gigabytes of rows. */
const MAX_ROWS = 25_000
const MAX_BYTES = 32 * 1024 * 1024
/**
 * The tables have a partition for each day, and ClickHouse refuses an insert into more than 100. Its days may begin
 * at any hour, so that one of ours lies in two of them.
 */
const MAX_DAYS = 50

/** Rows of one table on their way into blocks; the same rows always make the same blocks. */
export interface Blocks {
  /** For the next row. Another one after each `endRow`. */
  writer(): RowWriter
  /**
   * `day`: since the epoch, by the column that the table is partitioned by. `bytes`: what the row counts for. It must
   * depend on what was sent and on nothing else: judged again by another process, a batch may have other verdicts in
   * its rows, and must still be cut into the same blocks.
   */
  endRow(day: number, bytes: number): void
  /** The blocks that were closed since it was last asked. */
  closed(): RowBlock[]
  /** Closes what is open, and gives it. */
  finish(): RowBlock[]
}

interface Open {
  writer: RowWriter
  rows: number
  days: number
  bytes: number
}

/**
 * `expectedBytes`: of all rows together, as `endRow` counts them, where that is known: a block that has to grow is copied
 * again and again, and what is thrown away so quickly keeps the garbage collector busy.
 */
export function createBlocks(
  { table, columns }: Pick<RowBlock, 'table' | 'columns'>,
  expectedBytes = 0,
): Blocks {
  const ofDay = new Map<number, Open>()
  const open: Open[] = []
  let leftBytes = expectedBytes
  let current = begin()
  let rowAt = 0
  let lastDay = Number.NaN
  let done: RowBlock[] = []

  function begin(): Open {
    const block = { writer: createRowWriter(roomFor(leftBytes)), rows: 0, days: 0, bytes: 0 }
    open.push(block)
    return block
  }

  /** Rows of one day stay together, however the days are mixed: each would cost a part in each block. */
  function homeOf(day: number): Open {
    const known = ofDay.get(day)
    if (known) return known
    const newest = open.at(-1) as Open
    const home = newest.days < MAX_DAYS ? newest : begin()
    home.days++
    ofDay.set(day, home)
    return home
  }

  function move(home: Open): void {
    home.writer.encoded(current.writer.bytes.subarray(rowAt, current.writer.at))
    current.writer.at = rowAt
    current = home
  }

  function close(block: Open): void {
    leftBytes -= block.bytes
    done.push({ table, columns, rows: block.rows, data: block.writer.finish(roomFor(leftBytes)) })
    block.rows = 0
    block.bytes = 0
  }

  function closed(): RowBlock[] {
    const given = done
    done = []
    return given
  }

  return {
    writer: () => current.writer,
    endRow(day, bytes) {
      if (day !== lastDay) {
        const home = homeOf(day)
        if (home !== current) move(home)
        lastDay = day
      }
      current.rows++
      current.bytes += bytes
      if (current.rows === MAX_ROWS || current.bytes >= MAX_BYTES) close(current)
      rowAt = current.writer.at
    },
    closed,
    finish() {
      for (const block of open) if (block.rows > 0) close(block)
      return closed()
    },
  }
}

const LEAST_ROOM_BYTES = 64 * 1024

/** For rows that are about as long as they count for. */
const roomFor = (bytes: number): number =>
  Math.min(MAX_BYTES, Math.max(LEAST_ROOM_BYTES, Math.ceil(bytes * 1.1)))
