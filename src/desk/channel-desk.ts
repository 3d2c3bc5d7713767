import type { NatsConnection } from '@nats-io/transport-node'
import { type ChannelShowReply, type ChatReview, channelSubject, type ReviewReply } from '#contract'
import { createCall } from './call.ts'
import { shownAsFrozen } from './desk.ts'

/** What a channel asks the broker as itself. A review that it vouches for counts as `chat`, and no more. */
export interface ChannelDesk {
  show(requestId: string): Promise<ChannelShowReply>
  review(review: ChatReview): Promise<ReviewReply>
}

/** `nc` is connected with the channel's credentials and `inboxPrefix: _INBOX.channel`. */
export function createChannelDesk(deps: { nc: NatsConnection }): ChannelDesk {
  const ask = createCall(deps.nc)
  return {
    show: async (requestId) =>
      shownAsFrozen(await ask<ChannelShowReply>(channelSubject('show'), { requestId })),
    review: (review) => ask(channelSubject('review'), review),
  }
}
