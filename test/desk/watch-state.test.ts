import { expect, test } from 'vitest'
import { cardModel, type RequestSummary, renderHash, type ShowReply, WHOLE_CARD } from '#contract'
import { listLines } from '../../src/desk/terminal/list-text.ts'
import { plain } from '../../src/desk/terminal/terminal.ts'
import { cells } from '../../src/desk/terminal/wrap.ts'
import { createCardLines, frame, lengthOf, pageOf } from '../../src/desk/watch/frame.ts'
import { keysOf } from '../../src/desk/watch/keys.ts'
import {
  asking,
  initialState,
  type OpenCard,
  onKey,
  onListed,
  onSummary,
  scrolled,
  selectedOf,
  type WatchState,
} from '../../src/desk/watch/state.ts'
import { card } from '../support/cards.ts'
import { HOSTILE_TEXTS, hostileCard } from '../support/hostile.ts'

const summaryOf = (requestId: string, name = 'export'): RequestSummary => ({
  requestId,
  state: 'pending',
  agent: 'Support',
  agentId: 'support-agent',
  environment: 'prod',
  kind: 'tool',
  name,
  rule: 'r',
  requestedAtMs: 0,
  expiresAtMs: 60_000,
  threshold: 1,
  from: ['sre'],
  assurance: 'login',
  reviews: [],
})
const shownOf = (requestId: string): ShowReply => ({
  summary: summaryOf(requestId),
  card,
  renderHash: renderHash(card),
  timeline: [],
  mayReview: { ok: true },
})
const listed: WatchState = onListed(
  initialState,
  ['1-a', '1-b', '1-c'].map((id) => summaryOf(id)),
)
const openedAt = (scroll: number, hasSeenEnd: boolean): WatchState => ({
  ...listed,
  selectedId: '1-b',
  card: { shown: shownOf('1-b'), scroll, hasSeenEnd },
})
const size = { page: 10, length: 30 }
const press = (state: WatchState, input: string) => {
  let step: ReturnType<typeof onKey> = { state }
  for (const key of keysOf(input)) step = onKey(step.state, key, size)
  return step
}

test('watch - keys are what terminals send for them, and nothing else is text', () => {
  expect(keysOf('j\u001b[A\u001b[B\r\u001b\u007f\u0003ü🙂')).toEqual([
    { text: 'j' },
    { name: 'up' },
    { name: 'down' },
    { name: 'enter' },
    { name: 'escape' },
    { name: 'backspace' },
    { name: 'interrupt' },
    { text: 'ü' },
    { text: '🙂' },
  ])
  expect(keysOf('\u001b[200~\u001b[1;5Cx\u202e\u0000\t')).toEqual([{ text: 'x' }])
})

test('watch - arrows and j and k move, and stop at the ends', () => {
  expect(selectedOf(press(listed, 'j').state)?.requestId).toBe('1-b')
  expect(selectedOf(press(listed, 'jjjjj').state)?.requestId).toBe('1-c')
  expect(selectedOf(press(listed, '\u001b[B\u001b[A\u001b[A').state)?.requestId).toBe('1-a')
  expect(press(initialState, 'j\r').effect).toBeUndefined()
})

test('watch - what is selected stays selected when others go away', () => {
  const { state } = press(listed, 'j')
  const later = onListed(state, [summaryOf('1-b'), summaryOf('1-c')])
  expect(selectedOf(later)?.requestId).toBe('1-b')
  expect(press(later, 'a').effect).toEqual({ do: 'open', requestId: '1-b', asks: 'approve' })
})

test('watch - approving in the list opens the card, and releases nothing', () => {
  const { effect } = press(listed, 'a')
  expect(effect).toEqual({ do: 'open', requestId: '1-a', asks: 'approve' })
  expect(press(listed, 'y').effect).toBeUndefined()
})

test('watch - a card whose end has not been on the screen is not approved', () => {
  const { state, effect } = press(openedAt(0, false), 'ay')
  expect(effect).toBeUndefined()
  expect(state.card?.asks).toBeUndefined()
  expect(press(openedAt(0, false), 'a').state.message).toContain('There is more of this card')
  expect(press(openedAt(0, false), '  a').state.card?.asks).toBeUndefined()
  expect(press(openedAt(0, false), '   a').state.card?.asks).toEqual({ verdict: 'approve' })
})

test('watch - only y releases, and it releases the card that was shown', () => {
  const { effect } = press(openedAt(20, true), 'ay')
  expect(effect).toMatchObject({ do: 'review', verdict: 'approve', shown: { summary: { requestId: '1-b' } } })
  for (const answer of ['n', '\r', '\u001b', ' ', 'q', 'x']) {
    const refused = press(openedAt(20, true), `a${answer}`)
    expect(refused.effect).toBeUndefined()
    expect(refused.state.message).toContain('Not released')
  }
})

test('watch - a denial takes its reason, which may hold any letter', () => {
  expect(press(openedAt(0, false), 'dno quüx\u007fy\r').effect).toMatchObject({
    do: 'review',
    verdict: 'deny',
    reason: 'no quüy',
  })
  expect(press(openedAt(0, false), 'dno\u001b').effect).toBeUndefined()
})

test('watch - Ctrl-C ends it, even in a question', () => {
  for (const state of [
    listed,
    openedAt(0, true),
    press(openedAt(0, true), 'a').state,
    press(openedAt(0, true), 'd').state,
  ])
    expect(press(state, '\u0003').effect).toEqual({ do: 'quit' })
})

test('watch - what has been decided meanwhile is said, and is not asked about', () => {
  const decided = onSummary(openedAt(20, true), { ...summaryOf('1-b'), state: 'denied' })
  expect(press(decided, 'a').state).toMatchObject({ message: 'It is denied.' })
  expect(press(decided, 'd').state.card?.asks).toBeUndefined()
})

test('watch - a short card is seen at once', () => {
  const opened: OpenCard = { shown: shownOf('1-b'), scroll: 0, hasSeenEnd: false }
  expect(scrolled(opened, 0, 10, 10).hasSeenEnd).toBe(true)
  expect(scrolled(opened, 0, 10, 11).hasSeenEnd).toBe(false)
  expect(asking(listed, scrolled(opened, 0, 10, 5), 'approve').card?.asks).toEqual({ verdict: 'approve' })
})

test.each(HOSTILE_TEXTS)('watch - $name fits the screen, in the list and on the card', ({ text }) => {
  const hostile = hostileCard(text)
  const { name, target } = hostile.action
  const summary = {
    ...summaryOf('1-a', name),
    ...(target === undefined ? {} : { target }),
    agent: hostile.agent.name,
  }
  const screen = { columns: 80, rows: 24 }
  const lines = createCardLines(cardModel(hostile, WHOLE_CARD), 80, plain)(summary, 0)
  const state = onListed({ ...initialState, message: text }, [summary, summaryOf('1-b')])
  const card: OpenCard = { shown: { ...shownOf('1-a'), card: hostile }, scroll: 0, hasSeenEnd: false }
  const typing: OpenCard = { ...card, asks: { verdict: 'deny', reason: text } }
  for (const one of [
    state,
    { ...state, card },
    { ...state, card: scrolled(card, 10, pageOf(screen), lengthOf(lines)) },
    { ...state, card: typing },
  ]) {
    const drawn = frame(one, lines, 0, screen, plain)
    expect(drawn).toHaveLength(24)
    expect(Math.max(...drawn.map(cells))).toBeLessThanOrEqual(80)
    expect(drawn.join('')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
  }
})

test.each([40, 60, 100, 160])('list - at %i columns no line is wider, and ids stay apart', (columns) => {
  const names = ['short', '漢字'.repeat(40), 'x'.repeat(300)]
  const requests = names.map((name, at) => summaryOf(`1-aaaaaaaaaaaaaaaa${at}`, name))
  const lines = listLines(requests, 0, { columns })
  expect(lines).toHaveLength(4)
  for (const [at, line] of lines.entries()) {
    expect(cells(line)).toBeLessThanOrEqual(columns)
    if (at > 0) expect(line).toContain(`1-aaaaaaaaaaaaaaaa${at - 1}`)
  }
})

test('watch - page by page, every line of a card comes to the screen', () => {
  const screen = { columns: 60, rows: 16 }
  const lines = createCardLines(cardModel(card, WHOLE_CARD), 60, plain)(summaryOf('1-b'), 0)
  const seen = new Set<string>()
  let state = { ...listed, card: { shown: shownOf('1-b'), scroll: 0, hasSeenEnd: false } as OpenCard }
  for (let at = 0; at < 20 && !state.card.hasSeenEnd; at++) {
    for (const line of frame(state, lines, 0, screen, plain)) seen.add(line)
    state = { ...state, card: scrolled(state.card, pageOf(screen) - 1, pageOf(screen), lengthOf(lines)) }
  }
  for (const line of frame(state, lines, 0, screen, plain)) seen.add(line)
  for (const line of [...lines.live, ...lines.frozen]) expect(seen).toContain(line)
})
