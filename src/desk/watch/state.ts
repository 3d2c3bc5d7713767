import type { RequestSummary, ShowReply, Verdict } from '#contract'
import type { Key } from './keys.ts'

/** What whoever watches has before them. Pure: keys and news come in, what is to be done goes out. */
export interface WatchState {
  requests: readonly RequestSummary[]
  /** By id: what is above it may go away, and a key must not land on another request. */
  selectedId?: string
  card?: OpenCard
  message: string
}

export interface OpenCard {
  shown: ShowReply
  scroll: number
  /** Nobody approves what they have not been shown: the end has to have been on the screen. */
  hasSeenEnd: boolean
  asks?: { verdict: 'approve' } | { verdict: 'deny'; reason: string }
}

export type Effect =
  | { do: 'quit' }
  | { do: 'open'; requestId: string; asks?: Verdict }
  | { do: 'review'; shown: ShowReply; verdict: Verdict; reason?: string }

export type Step = { state: WatchState; effect?: Effect }

export const initialState: WatchState = { requests: [], message: '' }

/** `page` is how many lines of a card fit on the screen, `length` how many it has. */
export function onKey(state: WatchState, key: Key, { page, length }: { page: number; length: number }): Step {
  if (key.name === 'interrupt') return { state, effect: { do: 'quit' } }
  const { card } = state
  if (!card) return onListKey({ ...state, message: '' }, key)
  if (card.asks) return onAnswer(state, card, card.asks, key)
  return onCardKey({ ...state, message: '' }, card, key, page, length)
}

function onListKey(state: WatchState, key: Key): Step {
  const requestId = selectedOf(state)?.requestId
  if (key.text === 'q' || key.name === 'escape') return { state, effect: { do: 'quit' } }
  if (key.name === 'down' || key.text === 'j') return { state: moved(state, 1) }
  if (key.name === 'up' || key.text === 'k') return { state: moved(state, -1) }
  if (requestId === undefined) return { state }
  if (key.name === 'enter') return { state, effect: { do: 'open', requestId } }
  // Both open the card first: what is decided is what is seen.
  if (key.text === 'a') return { state, effect: { do: 'open', requestId, asks: 'approve' } }
  if (key.text === 'd') return { state, effect: { do: 'open', requestId, asks: 'deny' } }
  return { state }
}

function onCardKey(state: WatchState, card: OpenCard, key: Key, page: number, length: number): Step {
  const by = (lines: number): Step => ({ state: { ...state, card: scrolled(card, lines, page, length) } })
  if (key.name === 'escape' || key.text === 'q') return { state: withoutCard(state) }
  if (key.name === 'down' || key.text === 'j') return by(1)
  if (key.name === 'up' || key.text === 'k') return by(-1)
  if (key.name === 'pageDown' || key.text === ' ') return by(page - 1)
  if (key.name === 'pageUp' || key.text === 'b') return by(1 - page)
  if (key.text === 'a') return { state: asking(state, card, 'approve') }
  if (key.text === 'd') return { state: asking(state, card, 'deny') }
  return { state }
}

function onAnswer(state: WatchState, card: OpenCard, asks: NonNullable<OpenCard['asks']>, key: Key): Step {
  const { asks: _, ...unasked } = card
  const { shown } = card
  const back = { ...state, card: unasked }
  if (asks.verdict === 'approve') {
    if (key.text === 'y' || key.text === 'Y')
      return {
        state: { ...back, message: 'Releasing …' },
        effect: { do: 'review', shown, verdict: 'approve' },
      }
    return { state: { ...back, message: 'Not released: it still waits for a decision.' } }
  }
  if (key.name === 'escape')
    return { state: { ...back, message: 'Not denied: it still waits for a decision.' } }
  if (key.name === 'enter')
    return {
      state: { ...back, message: 'Denying …' },
      effect: { do: 'review', shown, verdict: 'deny', reason: asks.reason },
    }
  const reason =
    key.name === 'backspace' ? [...asks.reason].slice(0, -1).join('') : asks.reason + (key.text ?? '')
  return { state: { ...state, card: { ...card, asks: { verdict: 'deny', reason } } } }
}

export function asking(state: WatchState, card: OpenCard, verdict: Verdict): WatchState {
  const { state: is } = card.shown.summary
  if (is !== 'pending') return { ...state, card, message: `It is ${is}.` }
  if (verdict === 'deny') return { ...state, card: { ...card, asks: { verdict, reason: '' } } }
  if (!card.hasSeenEnd)
    return { ...state, card, message: 'There is more of this card: space shows it, then approve.' }
  return { ...state, card: { ...card, asks: { verdict } } }
}

/** Remembers once the last line has been on the screen. */
export function scrolled(card: OpenCard, lines: number, page: number, length: number): OpenCard {
  const last = Math.max(0, length - page)
  const scroll = Math.min(last, Math.max(0, card.scroll + lines))
  return { ...card, scroll, hasSeenEnd: card.hasSeenEnd || scroll >= last }
}

export function onListed(state: WatchState, requests: readonly RequestSummary[]): WatchState {
  const open = requests.find(({ requestId }) => requestId === state.card?.shown.summary.requestId)
  return onSummary({ ...state, requests }, open)
}

/** Live status of the card that is open; the card itself is frozen. */
export function onSummary(state: WatchState, summary: RequestSummary | undefined): WatchState {
  const { card } = state
  if (!card || summary?.requestId !== card.shown.summary.requestId) return state
  return { ...state, card: { ...card, shown: { ...card.shown, summary } } }
}

/** The first one where nothing is selected, or what was is gone. */
export const selectedOf = ({ requests, selectedId }: WatchState): RequestSummary | undefined =>
  requests.find(({ requestId }) => requestId === selectedId) ?? requests[0]

function moved(state: WatchState, by: 1 | -1): WatchState {
  const selected = selectedOf(state)
  if (!selected) return state
  const next = state.requests[state.requests.indexOf(selected) + by] ?? selected
  return { ...state, selectedId: next.requestId }
}

function withoutCard(state: WatchState): WatchState {
  const { card: _, ...rest } = state
  return rest
}
