import {
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type NextMsgRequest,
  type SeqMsgRequest,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type Alarm,
  alarmShape,
  DEAD_LETTER_STREAM,
  DEAD_LETTERS,
  DESK_EVENTS,
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
import type { EventName } from './events.ts'

/**
 * An event that could not be delivered. It names the request and holds nothing of it: arguments and reasons lie
 * sealed with the broker, and whoever erases them there has erased them.
 */
export interface DeadLetter {
  channel: string
  event: EventName
  /** Of an alarm: its kind and name, `frozen.support-agent.3`. */
  requestId: string
  /** Which of several for one request. */
  nth?: number
  /** As it was raised: nothing else keeps it for so long, and nothing in it is anybody's secret. */
  alarm?: Alarm
  reason: string
  attempts: number
  atMs: number
  /** When it was delivered after all. */
  deliveredAtMs?: number
}

const LONGEST_REASON = 1_000
const deadLetterShape: Shape<DeadLetter> = object({
  channel: text({ min: 1, max: 64 }),
  event: literal(...DESK_EVENTS, 'alarm'),
  requestId: text({ min: 1, max: 200 }),
  nth: optional(integer({ min: 1 })),
  alarm: optional(alarmShape),
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
export const deadLetterId = (letter: DeadLetter): string =>
  `${letter.channel.replace(/^[^:]*:/, '')}/${letter.event}/${aboutOf(letter)}`

const aboutOf = ({ requestId, nth }: Pick<DeadLetter, 'requestId' | 'nth'>): string =>
  nth === undefined ? requestId : `${requestId}.${nth}`

export function createDeadLetters({ nc }: { nc: NatsConnection }): DeadLetters {
  return {
    async add(letter) {
      const { channel, event } = letter
      const reason = letter.reason.toWellFormed().slice(0, LONGEST_REASON).toWellFormed()
      await jetstream(nc).publish(
        deadLetterSubject(channel, event, aboutOf(letter)),
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
