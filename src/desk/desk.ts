import type { NatsConnection } from '@nats-io/transport-node'
import {
  type AgentsReply,
  type Alarm,
  DESK_EVENTS,
  type DeskCall,
  type DeskEventName,
  deskSubject,
  type EraseCall,
  type EraseReply,
  EVENTS,
  type ExplainCall,
  type ExplainReply,
  type FreezeCall,
  type FreezeReply,
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
  type RevokeCall,
  type RevokeReply,
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
  /** Takes back an approval that nobody has used: for those who could have reviewed it. */
  revoke(revocation: RevokeCall): Promise<RevokeReply>
  /** Makes arguments, card and reasons unreadable for good: for those with the duty `erase`. */
  erase(erasure: EraseCall): Promise<EraseReply>
  /** Stops an agent, or all of them, or lets them act again: for those with the duty `freeze`. */
  freeze(freeze: FreezeCall): Promise<FreezeReply>
  policy(token: string): Promise<PolicyReply>
  explain(token: string, question: Omit<ExplainCall, 'token'>): Promise<ExplainReply>
  agents(token: string): Promise<AgentsReply>
  ledger(token: string): Promise<LedgerReply>
  /** Public keys: for everybody. */
  trust(): Promise<TrustReply>
  /**
   * Every event from now on, until the returned function is called. Events can be lost: `list` is the truth. Of those
   * that come more than once for a request, `nth` tells one from another.
   */
  watch(onEvent: OnEvent, onAlarm?: OnAlarm): () => void
}

export type OnEvent = (event: DeskEventName, request: RequestSummary, nth?: string) => void
/** `id` is the alarm's own: `frozen.support-agent.3`. Who watches tells the broker's word, not a proof. */
export type OnAlarm = (alarm: Alarm, id: string) => void

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
    revoke: (revocation) => call('revoke', revocation),
    erase: (erasure) => call('erase', erasure),
    freeze: (freeze) => call('freeze', freeze),
    policy: (token) => call('policy', { token }),
    explain: (token, question) => call('explain', { token, ...question }),
    agents: (token) => call('agents', { token }),
    ledger: (token) => call('ledger', { token }),
    trust: () => call('trust', { v: 1 }),
    watch(onEvent, onAlarm) {
      const subscription = nc.subscribe(EVENTS, {
        callback: (error, message) => {
          if (error) return
          const [, , , name, ...rest] = message.subject.split('.')
          if (name === 'alarm') onAlarm?.(message.json<Alarm>(), rest.join('.'))
          // What a later version tells of is nothing to this one.
          else if (isDeskEvent(name)) onEvent(name, message.json<RequestSummary>(), rest[1])
        },
      })
      return () => subscription.unsubscribe()
    },
  }
}

const isDeskEvent = (name: string | undefined): name is DeskEventName =>
  DESK_EVENTS.some((one) => one === name)

/** A review vouches for the hash: it has to be that of the card which the reviewer is about to see. */
export function shownAsFrozen<Shown extends Pick<ShowReply, 'card' | 'renderHash'>>(shown: Shown): Shown {
  if (renderHash(shown.card) === shown.renderHash) return shown
  throw new HoldpointError(
    'CARD_MISMATCH',
    `the card of ${shown.card.requestId} is not the one that was frozen`,
  )
}
