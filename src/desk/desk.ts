import type { NatsConnection } from '@nats-io/transport-node'
import {
  type DeskCall,
  type DeskEventName,
  decodeReply,
  deskSubject,
  EVENTS,
  encodeMessage,
  HoldpointError,
  type RequestSummary,
  type ReviewReply,
  type ReviewSubmission,
  renderHash,
  type ShowReply,
} from '#contract'

/** The reviewer's side of the broker's messages. It forwards a person's token; the broker verifies it. */
export interface Desk {
  list(token: string, state?: 'pending' | 'all'): Promise<RequestSummary[]>
  /** The card as it was frozen, and the hash that a review of it quotes. */
  show(token: string, requestId: string): Promise<ShowReply>
  review(submission: ReviewSubmission): Promise<ReviewReply>
  /** Every event from now on, until the returned function is called. Events can be lost: `list` is the truth. */
  watch(onEvent: (event: DeskEventName, request: RequestSummary) => void): () => void
}

const ANSWER_WITHIN_MS = 10_000

/** `nc` is connected with a desk's credentials and `inboxPrefix: _INBOX.desk`. */
export function createDesk(deps: { nc: NatsConnection }): Desk {
  const { nc } = deps

  async function call<Reply>(name: DeskCall, value: unknown): Promise<Reply> {
    const message = await nc
      .request(deskSubject(name), encodeMessage(value), { timeout: ANSWER_WITHIN_MS })
      .catch((cause: unknown) => {
        throw new HoldpointError('BROKER_UNAVAILABLE', 'the broker does not answer', {
          cause,
          retryable: true,
        })
      })
    return decodeReply(message.string()) as Reply
  }

  return {
    list: async (token, state = 'pending') =>
      (await call<{ requests: RequestSummary[] }>('list', { token, state })).requests,
    async show(token, requestId) {
      const shown = await call<ShowReply>('show', { token, requestId })
      // A review vouches for the hash: it has to be that of the card which the reviewer is about to see.
      if (renderHash(shown.card) === shown.renderHash) return shown
      throw new HoldpointError('CARD_MISMATCH', `the card of ${requestId} is not the one that was frozen`)
    },
    review: (submission) => call('review', submission),
    watch(onEvent) {
      const subscription = nc.subscribe(EVENTS, {
        callback: (error, message) => {
          if (error) return
          const event = message.subject.split('.')[3] as DeskEventName
          onEvent(event, message.json<RequestSummary>())
        },
      })
      return () => subscription.unsubscribe()
    },
  }
}
