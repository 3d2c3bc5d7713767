import {
  type ChannelShowCall,
  type ChannelShowReply,
  type ChatReview,
  channelShowCallShape,
  chatReviewShape,
  type ReviewReply,
} from '#contract'
import { type Person, subjectSpecifier } from '#identity'
import type { ChannelHandlers, DeskHandler } from './handler.ts'
import { namedRequest } from './own.ts'
import { takeReview } from './review.ts'
import { shownOf } from './show.ts'

const show: DeskHandler<ChannelShowCall, ChannelShowReply> = {
  shape: channelShowCallShape,
  handle: async ({ requestId }, context) => shownOf(context, await namedRequest(context, requestId)),
}

/** A review that a channel vouches for. */
const review: DeskHandler<ChatReview, ReviewReply> = {
  shape: chatReviewShape,
  handle: ({ reviewer, ...answer }, context) => takeReview(context, inChat(reviewer), answer),
}

/**
 * Who a channel says it was. It could say anything: so it is worth `chat` and no more, and what an identity provider
 * would vouch for, such as membership of its groups, it cannot say at all.
 */
const inChat = ({ iss, sub, name }: ChatReview['reviewer']): Person => ({
  iss,
  sub,
  name,
  groups: [subjectSpecifier(iss, sub)],
  assurance: 'chat',
  service: false,
})

export const channelHandlers: ChannelHandlers = { show, review }
