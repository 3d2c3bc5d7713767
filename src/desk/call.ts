import type { NatsConnection } from '@nats-io/transport-node'
import { decodeReply, encodeMessage, HoldpointError } from '#contract'

const ANSWER_WITHIN_MS = 10_000

/** Asks the broker. Throws the error that it answers with, or BROKER_UNAVAILABLE. */
export const createCall =
  (nc: NatsConnection) =>
  async <Reply>(subject: string, value: unknown): Promise<Reply> => {
    const message = await nc
      .request(subject, encodeMessage(value), { timeout: ANSWER_WITHIN_MS })
      .catch((cause: unknown) => {
        throw new HoldpointError('BROKER_UNAVAILABLE', 'the broker does not answer', {
          cause,
          retryable: true,
        })
      })
    return decodeReply(message.string()) as Reply
  }
