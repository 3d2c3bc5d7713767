import type { NatsConnection } from '@nats-io/transport-node'
import {
  type AgentsReply,
  type DeskCall,
  type DeskEventName,
  deskSubject,
  EVENTS,
  type ExplainCall,
  type ExplainReply,
  HoldpointError,
  type LedgerReply,
  type ListCall,
  type ListReply,
  type PersonCancelCall,
  type PersonCancelReply,
  type PolicyReply,
  type RequestSummary,
  type ReviewReply,
  type ReviewSubmission,
  renderHash,
  type ShowReply,
  type TrustReply,
} from '#contract'
import { createCall } from './call.ts'

/** The reviewer's side of the broker's messages. It forwards a person's token; the broker verifies it. */
export interface Desk {
  list(token: string, query?: Omit<ListCall, 'token'>): Promise<ListReply>
  /** The card as it was frozen, and the hash that a review of it quotes. */
  show(token: string, requestId: string): Promise<ShowReply>
  review(submission: ReviewSubmission): Promise<ReviewReply>
  /** Takes a request back: for the people whose work it is. */
  cancel(cancellation: PersonCancelCall): Promise<PersonCancelReply>
  policy(token: string): Promise<PolicyReply>
  explain(token: string, question: Omit<ExplainCall, 'token'>): Promise<ExplainReply>
  agents(token: string): Promise<AgentsReply>
  ledger(token: string): Promise<LedgerReply>
  /** Public keys: for everybody. */
  trust(): Promise<TrustReply>
  /** Every event from now on, until the returned function is called. Events can be lost: `list` is the truth. */
  watch(onEvent: (event: DeskEventName, request: RequestSummary) => void): () => void
}

/** `nc` is connected with a desk's credentials and `inboxPrefix: _INBOX.desk`. */
export function createDesk(deps: { nc: NatsConnection }): Desk {
  const { nc } = deps
  const ask = createCall(nc)
  const call = <Reply>(name: DeskCall, value: unknown): Promise<Reply> => ask(deskSubject(name), value)

  return {
    list: (token, query = {}) => call('list', { token, ...query }),
    async show(token, requestId) {
      return shownAsFrozen(await call<ShowReply>('show', { token, requestId }))
    },
    review: (submission) => call('review', submission),
    cancel: (cancellation) => call('cancel', cancellation),
    policy: (token) => call('policy', { token }),
    explain: (token, question) => call('explain', { token, ...question }),
    agents: (token) => call('agents', { token }),
    ledger: (token) => call('ledger', { token }),
    trust: () => call('trust', { v: 1 }),
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

/** A review vouches for the hash: it has to be that of the card which the reviewer is about to see. */
export function shownAsFrozen<Shown extends Pick<ShowReply, 'card' | 'renderHash'>>(shown: Shown): Shown {
  if (renderHash(shown.card) === shown.renderHash) return shown
  throw new HoldpointError(
    'CARD_MISMATCH',
    `the card of ${shown.card.requestId} is not the one that was frozen`,
  )
}
