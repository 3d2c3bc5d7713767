import { headers } from '@nats-io/transport-node'
import {
  digestBytes,
  digestHex,
  HoldpointError,
  integer,
  list,
  object,
  parse,
  parseJson,
  type Shape,
  TELEMETRY_DEAD,
  TELEMETRY_DEAD_STREAM,
  telemetryDeadSubject,
  telemetrySubject,
  text,
} from '#contract'
import type { Piece } from '../otlp/signal.ts'
import type { Line } from './line.ts'
import { headersOf } from './message.ts'
import { serviceNames } from './services.ts'

/** Telemetry that cannot be stored, as it is listed; its bytes stand beside it. */
export interface DeadLetter {
  /** Made of its batch and its place there. */
  id: string
  /** `traces`, `logs` or `metrics`. */
  signal: string
  reason: string
  /** When it was put aside, and when it had arrived; milliseconds since the epoch. */
  atMs: number
  receivedAtMs: number
  bytes: number
  /** Spans, log records or data points, about. */
  items: number
  services: string[]
}

export interface DeadLetters {
  /** Kept when it returns; the same piece of the same batch again changes nothing. Throws UNAVAILABLE, also when full. */
  add(dead: { token: string; piece: Piece & { items?: number }; reason: string }): Promise<void>
  /** Oldest first. */
  list(): Promise<DeadLetter[]>
  /**
   * Back into the buffer, as they were; gone from here only then. `ids` absent: all of them. Returns whose turn it was.
   * Throws UNAVAILABLE, also when the buffer is full: those that had their turn have had it.
   */
  retry(ids?: ReadonlySet<string>): Promise<string[]>
  /** For good. Returns which were there. Throws UNAVAILABLE. */
  drop(ids?: ReadonlySet<string>): Promise<string[]>
}

const LETTER = 'Holdpoint-Dead-Letter'
const LONGEST_REASON = 1_000
const ID_DIGITS = 16

const letterShape: Shape<Omit<DeadLetter, 'id'>> = object({
  signal: text({ min: 1, max: 64 }),
  reason: text({ max: LONGEST_REASON }),
  atMs: integer(),
  receivedAtMs: integer(),
  bytes: integer({ min: 0 }),
  items: integer({ min: 0 }),
  services: list(text({ max: 200 }), { max: 20 }),
})

export function createDeadLetters({ line, now }: { line: Line; now: () => number }): DeadLetters {
  async function each(ids: ReadonlySet<string> | undefined, act: (found: Found) => Promise<void>) {
    const done: string[] = []
    const last = await lastSeq(line)
    for await (const found of readAll(line)) {
      // What was sent again may be refused again, and stands behind: it has had its turn.
      if (found.seq > last) break
      const { id } = found.letter
      if (ids !== undefined && !ids.has(id)) continue
      await act(found)
      done.push(id)
    }
    return done
  }

  const remove = async ({ seq }: Found): Promise<void> =>
    void (await line.ask(`STREAM.MSG.DELETE.${TELEMETRY_DEAD_STREAM}`, { seq }))

  async function sendAgain(found: Found): Promise<void> {
    const { letter, seq, body } = found
    // Sent, and killed before it was removed: sent again under the same name, it is taken once.
    const written = headersOf(`dead letter ${seq} ${letter.id}`, letter)
    const published = await line.publish(telemetrySubject(0, letter.signal), body, written)
    if (!published.ok) throw new HoldpointError('UNAVAILABLE', 'the buffer is full', { retryable: true })
    await remove(found)
  }

  return {
    async add({ token, piece, reason }) {
      const id = digestHex(digestBytes(token)).slice(0, ID_DIGITS)
      const letter: Omit<DeadLetter, 'id'> = {
        signal: piece.signal,
        reason: reason.slice(0, LONGEST_REASON).toWellFormed(),
        atMs: now(),
        receivedAtMs: piece.receivedAtMs,
        bytes: piece.body.length,
        items: piece.items ?? 0,
        services: serviceNames(piece.body),
      }
      const written = headers()
      written.set('Nats-Expected-Stream', TELEMETRY_DEAD_STREAM)
      written.set('Nats-Expected-Last-Subject-Sequence', '0')
      written.set(LETTER, Buffer.from(JSON.stringify(letter)).toString('base64'))
      const published = await line.publish(telemetryDeadSubject(piece.signal, id), piece.body, written)
      if (published.ok || published.why === 'elsewhere') return
      throw new HoldpointError(
        'UNAVAILABLE',
        'there is no room for another dead letter: see `holdpoint pipeline dlq list`',
        { retryable: true },
      )
    },
    async list() {
      const letters: DeadLetter[] = []
      for await (const { letter } of readAll(line)) letters.push(letter)
      return letters
    },
    retry: (ids) => each(ids, sendAgain),
    drop: (ids) => each(ids, remove),
  }
}

interface Found {
  letter: DeadLetter
  seq: number
  body: Uint8Array
}

interface StoredMessage {
  message: { seq: number; subject: string; data?: string; hdrs?: string }
}

async function lastSeq(line: Line): Promise<number> {
  const last = { last_by_subj: TELEMETRY_DEAD }
  const found = await line.ask<StoredMessage>(`STREAM.MSG.GET.${TELEMETRY_DEAD_STREAM}`, last)
  return found?.message.seq ?? 0
}

async function* readAll(line: Line): AsyncGenerator<Found> {
  for (let from = 1; ; ) {
    const next = { seq: from, next_by_subj: TELEMETRY_DEAD }
    const found = await line.ask<StoredMessage>(`STREAM.MSG.GET.${TELEMETRY_DEAD_STREAM}`, next)
    if (found === undefined) return
    const { seq, subject, data = '', hdrs = '' } = found.message
    const [, written = ''] =
      new RegExp(`^${LETTER}: *(.*)\\r$`, 'm').exec(Buffer.from(hdrs, 'base64').toString()) ?? []
    const about = parse(
      letterShape,
      parseJson(Buffer.from(written, 'base64').toString('utf8')),
      `dead letter ${seq} of ${TELEMETRY_DEAD_STREAM}`,
    )
    yield { letter: { id: subject.split('.')[4] ?? '', ...about }, seq, body: Buffer.from(data, 'base64') }
    from = seq + 1
  }
}
