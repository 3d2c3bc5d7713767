import {
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type NextMsgRequest,
  type SeqMsgRequest,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  DEAD_LETTER_STREAM,
  DEAD_LETTERS,
  deadLetterSubject,
  encodeMessage,
  integer,
  literal,
  object,
  optional,
  parse,
  parseJson,
  type Shape,
  text,
} from '#contract'

/**
 * An event that could not be delivered. It names the request and holds nothing of it: arguments and reasons lie
 * sealed with the broker, and whoever erases them there has erased them.
 */
export interface DeadLetter {
  channel: string
  event: 'opened' | 'reviewed' | 'decided' | 'ended'
  requestId: string
  reason: string
  attempts: number
  atMs: number
  /** When it was delivered after all. */
  deliveredAtMs?: number
}

const LONGEST_REASON = 1_000
const deadLetterShape: Shape<DeadLetter> = object({
  channel: text({ min: 1, max: 64 }),
  event: literal('opened', 'reviewed', 'decided', 'ended'),
  requestId: text({ min: 1, max: 200 }),
  reason: text({ max: LONGEST_REASON }),
  attempts: integer({ min: 1 }),
  atMs: integer(),
  deliveredAtMs: optional(integer()),
}) as Shape<DeadLetter>

export interface DeadLetters {
  /** Kept when it returns. A later letter of the same event takes the place of the first. */
  add(letter: DeadLetter): Promise<void>
  /** Those still undelivered, oldest first. */
  list(channelPrefix: string): Promise<DeadLetter[]>
}

/** How people name one: `security-hook/opened/1-q5x7`. */
export const deadLetterId = ({ channel, event, requestId }: DeadLetter): string =>
  `${channel.replace(/^[^:]*:/, '')}/${event}/${requestId}`

export function createDeadLetters({ nc }: { nc: NatsConnection }): DeadLetters {
  return {
    async add(letter) {
      const { channel, event, requestId } = letter
      const reason = letter.reason.toWellFormed().slice(0, LONGEST_REASON).toWellFormed()
      await jetstream(nc).publish(
        deadLetterSubject(channel, event, requestId),
        encodeMessage({ ...letter, reason }),
        { expect: { streamName: DEAD_LETTER_STREAM } },
      )
    },
    async list(channelPrefix) {
      const manager = await jetstreamManager(nc)
      const letters: DeadLetter[] = []
      for await (const letter of readAll(manager))
        if (letter.deliveredAtMs === undefined && letter.channel.startsWith(channelPrefix))
          letters.push(letter)
      return letters
    },
  }
}

async function* readAll(manager: JetStreamManager): AsyncGenerator<DeadLetter> {
  for (let seq = 1; ; ) {
    const next: SeqMsgRequest & NextMsgRequest = { seq, next_by_subj: DEAD_LETTERS }
    const stored = await manager.streams.getMessage(DEAD_LETTER_STREAM, next)
    if (!stored) return
    yield parse(deadLetterShape, parseJson(stored.string()), `dead letter ${stored.seq}`)
    seq = stored.seq + 1
  }
}
