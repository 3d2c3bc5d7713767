import { headers } from '@nats-io/transport-node'
import {
  integer,
  list,
  literal,
  object,
  optional,
  parse,
  parseJson,
  type Shape,
  TELEMETRY_CURSOR_STREAM,
  telemetryCursorSubject,
  text,
} from '#contract'
import type { Line } from './line.ts'

/**
 * Which batch of a lane is being stored, and by whom: all messages of the lane from `from` to `to`. There is one such
 * record for each lane, and each follows on the one before it (expected-last-subject-sequence), so that of several
 * writers one wins. It says three things at once: whose the lane is, what the batch consists of, and that the one
 * before it is stored.
 */
export interface CursorRecord {
  /** When the stream of telemetry was made: another stream counts anew. */
  stream: string
  from: number
  to: number
  writer: string
  /** `storing`: by its writer, which writes it anew while that takes long. `stored`: whoever has something to store may
   * go on. `left`: not stored, and whoever comes first may store it. */
  state: 'storing' | 'stored' | 'left'
  /** Parts of the batch that were refused, and are stored by halves: as a whole they would be stored once more. */
  apart?: string[]
}

/** Everything of the lane up to this number is in the store. */
export const storedUpTo = ({ state, from, to }: CursorRecord): number => (state === 'stored' ? to : from - 1)

/** A record with its own number in the cursor's stream; 0 where there is none yet. */
export interface Cursor {
  seq: number
  record?: CursorRecord
}

const recordShape: Shape<CursorRecord> = object({
  stream: text({ min: 1, max: 100 }),
  from: integer({ min: 1 }),
  to: integer({ min: 1 }),
  writer: text({ min: 1, max: 100 }),
  state: literal('storing', 'stored', 'left'),
  apart: optional(list(text({ min: 1, max: 100 }))),
})

export interface Cursors {
  /** From the leader. Throws UNAVAILABLE; INVALID_INPUT where something else stands there. */
  read(lane: number): Promise<Cursor>
  /** Its number, or undefined where another record has come after `expected`. */
  write(lane: number, record: CursorRecord, expected: number): Promise<number | undefined>
}

export function createCursors({ line }: { line: Line }): Cursors {
  async function read(lane: number): Promise<Cursor> {
    const found = await line.ask<StoredMessage>(`STREAM.MSG.GET.${TELEMETRY_CURSOR_STREAM}`, {
      last_by_subj: telemetryCursorSubject(lane),
    })
    if (found === undefined) return { seq: 0 }
    const { seq, data = '' } = found.message
    const text = Buffer.from(data, 'base64').toString('utf8')
    return { seq, record: parse(recordShape, parseJson(text), `cursor of lane ${lane}`) }
  }

  return {
    read,
    async write(lane, record, expected) {
      const expecting = headers()
      expecting.set('Nats-Expected-Stream', TELEMETRY_CURSOR_STREAM)
      expecting.set('Nats-Expected-Last-Subject-Sequence', String(expected))
      const body = Buffer.from(JSON.stringify(record))
      const published = await line.publish(telemetryCursorSubject(lane), body, expecting)
      if (published.ok) return published.seq
      // It may be our own, from before an answer that was lost.
      const last = await read(lane)
      const isOurs =
        last.record?.writer === record.writer && last.seq > expected && isSame(last.record, record)
      return isOurs ? last.seq : undefined
    },
  }
}

interface StoredMessage {
  message: { seq: number; data?: string }
}

const isSame = (one: CursorRecord, other: CursorRecord): boolean =>
  one.stream === other.stream &&
  one.from === other.from &&
  one.to === other.to &&
  one.state === other.state &&
  one.apart?.length === other.apart?.length
