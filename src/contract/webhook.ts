import { type NamedPrincipal, namedPrincipalShape } from './action.ts'
import type { Card } from './card.ts'
import type { CardModel } from './card-model.ts'
import type { Verdict } from './decision.ts'
import type { RequestSummary, TimelineEntry } from './desk-messages.ts'
import type { Digest } from './digest.ts'
import type { Alarm } from './duties.ts'
import { digestShape } from './ruling.ts'
import { literal, object, optional, type Shape, secretText, text } from './shape.ts'

/** What an endpoint can be told of; `escalated` and `alarm` only where it asks for them. */
export const WEBHOOK_EVENTS = ['opened', 'escalated', 'decided', 'ended', 'alarm'] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

/** What a webhook is sent; the envelope is that of Standard Webhooks (https://www.standardwebhooks.com). */
export interface WebhookMessage {
  type: 'request.opened' | 'request.escalated' | 'request.decided' | 'request.ended'
  /** ISO 8601, when it happened. */
  timestamp: string
  data: {
    request: RequestSummary
    card: Card
    /** The card for people, hostile characters visible. */
    model: CardModel
    /** A review must quote it. */
    renderHash: Digest
    timeline: TimelineEntry[]
    /** The request's page in the console. */
    url: string
    /** Where a signed answer goes; absent where this endpoint may not answer. */
    answerUrl?: string
  }
}

/** An alarm: about no request, in the same envelope. */
export interface WebhookAlarm {
  type: 'alarm'
  /** ISO 8601, when it happened. */
  timestamp: string
  data: Alarm
}

/** What `holdpoint webhooks test` sends: about no request, in the same envelope. */
export interface WebhookTest {
  type: 'webhook.test'
  /** ISO 8601, when it was sent. */
  timestamp: string
  data: Record<string, never>
}

/**
 * A receiver's answer, signed with the endpoint's secret. With a person's token it is that person's review;
 * without, it is the receiver's word that `reviewer` gave it, and counts as `chat`.
 */
export interface WebhookAnswer {
  requestId: string
  verdict: Verdict
  reason?: string
  renderHash: Digest
  reviewer?: NamedPrincipal
  token?: string
}
export const webhookAnswerShape: Shape<WebhookAnswer> = object({
  requestId: text({ min: 1, max: 200 }),
  verdict: literal('approve', 'deny'),
  reason: optional(text({ max: 4000 })),
  renderHash: digestShape,
  reviewer: optional(namedPrincipalShape),
  token: optional(secretText({ min: 1, max: 16_384 })),
}) as Shape<WebhookAnswer>
