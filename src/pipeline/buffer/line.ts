import { type Msg, type MsgHdrs, type NatsConnection, RequestError } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import { type Component, whileRunning } from '#runtime'

/** JetStream over one connection, with its answers as they are. Every call throws UNAVAILABLE, retryable, where none came. */
export interface Line extends Component {
  isDown(): boolean
  /** A call of `$JS.API`; undefined where there is no such message. */
  ask<T>(call: string, body: object): Promise<T | undefined>
  /** Without an answer nobody knows whether it stands there: the same again is the only way to find out. */
  publish(subject: string, body: Uint8Array, headers: MsgHdrs): Promise<Published>
  /** The messages that the server sends as an answer, to the one that ends them: without gaps, perhaps not all. */
  askForMany(call: string, body: object): Promise<Msg[]>
}

/** `full`: the stream refuses what is more than its bound. `elsewhere`: somebody has written on the subject before. */
export type Published =
  | { ok: true; seq: number; duplicate: boolean }
  | { ok: false; why: 'full' | 'elsewhere' }

interface ApiError {
  code: number
  err_code: number
  description: string
}

const ANSWERS_WITHIN_MS = 5_000
const NOT_FOUND = 404
const END_OF_BATCH = 204
const FULL = 10077
const WRONG_LAST_SEQUENCE = 10071

export function createLine({ nc }: { nc: NatsConnection }): Line {
  let isDown = false
  const underWay = new Set<() => void>()

  /** Calls fail at once while the line is down: the client would keep them all, and send them later. */
  async function watch(): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === 'reconnect') isDown = false
      if (type !== 'disconnect') continue
      isDown = true
      for (const giveUp of underWay) giveUp()
    }
  }

  /** An answer that has not come when the line breaks never does. */
  async function unlessBroken<T>(answer: Promise<T>): Promise<T> {
    const broken = Promise.withResolvers<never>()
    const giveUp = (): void => broken.reject(new Error('the line broke'))
    underWay.add(giveUp)
    try {
      return await Promise.race([answer, broken.promise])
    } finally {
      underWay.delete(giveUp)
    }
  }

  function assertUp(): void {
    if (hasBroken()) throw unavailable('NATS cannot be reached')
  }
  const hasBroken = (): boolean => isDown || nc.isClosed()

  async function request(subject: string, body: Uint8Array, headers?: MsgHdrs): Promise<Msg> {
    assertUp()
    try {
      const options = { timeout: ANSWERS_WITHIN_MS, ...(headers ? { headers } : {}) }
      return await unlessBroken(nc.request(subject, body, options))
    } catch (cause) {
      const why =
        cause instanceof RequestError && cause.isNoResponders() ? 'nobody answers' : messageOf(cause)
      throw unavailable(`NATS: ${subject}: ${why}`, cause)
    }
  }

  return {
    ...whileRunning('telemetry’s line to NATS', () => {
      void watch()
      return () => {}
    }),
    isDown: hasBroken,
    async ask<T>(call: string, body: object) {
      const answer = await request(`$JS.API.${call}`, Buffer.from(JSON.stringify(body)))
      const { error, ...found } = answer.json<T & { error?: ApiError }>()
      if (error?.code === NOT_FOUND && error.err_code === NO_MESSAGE) return undefined
      if (error) throw unavailable(`NATS: ${call}: ${error.description}`)
      return found as T
    },
    async publish(subject, body, headers) {
      const answer = await request(subject, body, headers)
      const { error, seq, duplicate = false } = answer.json<Ack>()
      if (error?.err_code === FULL) return { ok: false, why: 'full' }
      if (error?.err_code === WRONG_LAST_SEQUENCE) return { ok: false, why: 'elsewhere' }
      if (error || !Number.isSafeInteger(seq))
        throw unavailable(`NATS: ${subject}: ${error?.description ?? 'an answer without a number'}`)
      return { ok: true, seq, duplicate }
    },
    async askForMany(call, body) {
      assertUp()
      try {
        const options = { strategy: 'timer', maxWait: ANSWERS_WITHIN_MS, noMux: true } as const
        const answers = await nc.requestMany(`$JS.API.${call}`, JSON.stringify(body), options)
        return await unlessBroken(untilEnd(answers))
      } catch (cause) {
        throw unavailable(`NATS: ${call}: ${messageOf(cause)}`, cause)
      }
    },
  }
}

/** What comes late, or behind a message that was lost on the way, is left for the next question. */
async function untilEnd(answers: AsyncIterable<Msg>): Promise<Msg[]> {
  const messages: Msg[] = []
  let last = 0
  for await (const message of answers) {
    const { code = 0, description } = message.headers ?? {}
    if (code === END_OF_BATCH || code === NOT_FOUND) return messages
    if (code !== 0) throw new Error(`${code} ${description}`)
    // Each names the one before it.
    if (numberIn(message, 'Nats-Last-Sequence') !== last) break
    last = numberIn(message, 'Nats-Sequence')
    messages.push(message)
    // Servers before 2.11 know no batches: they give one message, and say nothing of others.
    if (!message.headers?.has('Nats-Num-Pending')) return messages
  }
  if (messages.length === 0) throw new Error('timeout')
  return messages
}

const numberIn = ({ headers }: Msg, name: string): number => Number(headers?.get(name))

interface Ack {
  seq: number
  duplicate?: boolean
  error?: ApiError
}

const NO_MESSAGE = 10037

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const unavailable = (message: string, cause?: unknown): HoldpointError =>
  new HoldpointError('UNAVAILABLE', message, { retryable: true, ...(cause === undefined ? {} : { cause }) })
