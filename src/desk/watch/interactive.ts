import {
  type CardModel,
  cardModel,
  digestBytes,
  HoldpointError,
  type RequestFilter,
  statusModel,
  WHOLE_CARD,
} from '#contract'
import type { Io } from '#runtime'
import type { SignedInDesk } from '../access.ts'
import { submitReview, submittedText } from '../submit.ts'
import { cardText } from '../terminal/card-text.ts'
import { terminalOf } from '../terminal/terminal.ts'
import { follow } from './follow.ts'
import { type CardLines, createCardLines, frame, lengthOf, pageOf } from './frame.ts'
import { openScreen } from './screen.ts'
import {
  asking,
  type Effect,
  initialState,
  type OpenCard,
  onKey,
  onListed,
  onSummary,
  scrolled,
  type WatchState,
} from './state.ts'

/** The list, live, with keys. Resolves when whoever watches has had enough. */
export async function watchInteractively(
  signedIn: SignedInDesk,
  filter: RequestFilter,
  io: Io,
  relistMs: number,
): Promise<0> {
  const quit = new AbortController()
  const signal = AbortSignal.any([quit.signal, io.signal])
  const terminal = () => terminalOf(io.stdout, io.env)
  const fault = Promise.withResolvers<never>()
  fault.promise.catch(() => {})
  let state: WatchState = initialState
  let model: CardModel | undefined
  /** The one that was asked for last: a card that arrives after it must not take its place under somebody's finger. */
  let wanted: Effect | undefined
  let laidOut: { columns: number; lines: ReturnType<typeof createCardLines> } | undefined

  const screen = openScreen(
    io,
    (key) => {
      const open = openLines()
      const size = { page: pageOf(terminal()), length: open ? lengthOf(open) : 0 }
      const { state: next, effect } = onKey(state, key, size)
      state = next
      draw()
      if (effect) void perform(effect).catch(fail).finally(draw)
    },
    () => draw(),
  )
  const clock = setInterval(draw, 1000)
  try {
    const following = follow(
      signedIn,
      filter,
      { signal, relistMs },
      {
        // Drawn once, when all that changed is known.
        changed: (_, request) => {
          state = onSummary(state, request)
        },
        listed: (requests) => change(onListed(state, requests)),
        problem: fail,
      },
    )
    await Promise.race([following, fault.promise])
    return 0
  } finally {
    clearInterval(clock)
    screen.close()
  }

  function change(next: WatchState): void {
    state = next
    draw()
  }

  /** Long cards are laid out once for each width. */
  function openLines(): CardLines | undefined {
    const { columns, style } = terminal()
    if (!state.card || !model) return undefined
    if (laidOut?.columns !== columns) laidOut = { columns, lines: createCardLines(model, columns, style) }
    return laidOut.lines(state.card.shown.summary, io.now())
  }

  function draw(): void {
    const size = terminal()
    const open = openLines()
    // A card that fits, or comes to fit, has been seen to its end.
    if (state.card && open) state = { ...state, card: scrolled(state.card, 0, pageOf(size), lengthOf(open)) }
    screen.draw(frame(state, open, io.now(), size, size.style))
  }

  /** A refusal is for whoever watches; anything else is a fault, and ends it. */
  function fail(error: unknown): void {
    if (error instanceof HoldpointError) change({ ...state, message: `${error.code}: ${error.message}` })
    else {
      fault.reject(error)
      quit.abort()
    }
  }

  async function perform(effect: Effect): Promise<void> {
    if (effect.do === 'quit') return quit.abort()
    wanted = effect
    const token = await signedIn.token()
    if (effect.do === 'open') {
      const shown = await signedIn.desk.show(token, effect.requestId)
      if (wanted !== effect) return
      model = cardModel(shown.card, WHOLE_CARD)
      laidOut = undefined
      const card: OpenCard = { shown, scroll: 0, hasSeenEnd: false }
      state = { ...state, selectedId: effect.requestId, card, message: '' }
      draw()
      if (effect.asks && state.card) state = asking(state, state.card, effect.asks)
      return
    }
    const { shown, verdict, reason } = effect
    // What has been shown, without its colours.
    const text = cardText(
      cardModel(shown.card, WHOLE_CARD),
      statusModel(shown.summary, io.now()),
      terminal().columns,
    )
    const reply = await submitReview(signedIn.desk, token, shown, {
      verdict,
      reason,
      rendition: digestBytes(text),
    })
    const { card: _, ...rest } = state
    state = { ...rest, message: submittedText(reply) }
  }
}
