import { type CardModel, statusModel, visibleLine } from '#contract'
import { cardLines, statusLines } from '../terminal/card-text.ts'
import { listLines } from '../terminal/list-text.ts'
import type { Style } from '../terminal/terminal.ts'
import { column, wrap } from '../terminal/wrap.ts'
import { selectedOf, type WatchState } from './state.ts'

export interface Size {
  columns: number
  rows: number
}

/** What stands below a card or a list. */
const FOOT = 3

export const pageOf = ({ rows }: Size): number => rows - FOOT

/** Exactly as many lines as the screen has, none wider than it is. */
export function frame(
  state: WatchState,
  open: CardLines | undefined,
  nowMs: number,
  size: Size,
  style: Style,
): string[] {
  const body =
    state.card && open ? cardBody(state.card.scroll, open, size) : listBody(state, nowMs, size, style)
  const filled = [...body, ...Array<string>(pageOf(size)).fill('')].slice(0, pageOf(size))
  return [...filled, ...foot(state, open, size, style)]
}

export interface CardLines {
  live: string[]
  frozen: string[]
}

/** The lines of an open card; the long, frozen part of them is kept while the card is open. */
export function createCardLines(model: CardModel, columns: number, style: Style) {
  const frozen = cardLines(model, columns, style)
  return (summary: Parameters<typeof statusModel>[0], nowMs: number): CardLines => ({
    live: statusLines(model, statusModel(summary, nowMs), columns, style),
    frozen,
  })
}

export const lengthOf = ({ live, frozen }: CardLines): number => live.length + frozen.length

function cardBody(scroll: number, { live, frozen }: CardLines, size: Size): string[] {
  const from = Math.max(0, scroll - live.length)
  return [...live.slice(scroll), ...frozen.slice(from, from + pageOf(size))].slice(0, pageOf(size))
}

function listBody(state: WatchState, nowMs: number, size: Size, style: Style): string[] {
  const { requests } = state
  if (requests.length === 0) return ['Nothing waits for a decision.']
  const selected = requests.indexOf(selectedOf(state) as (typeof requests)[number])
  // Only those around the selected one are laid out: there may be thousands.
  const room = pageOf(size) - 1
  const first = Math.max(0, Math.min(selected - Math.floor(room / 2), requests.length - room))
  const [head = '', ...lines] = listLines(requests.slice(first, first + room), nowMs, {
    columns: size.columns - 2,
    style,
  })
  return [
    `  ${head}`,
    ...lines.map((line, at) =>
      first + at === selected ? style('inverse', `> ${column(line, size.columns - 2)}`) : `  ${line}`,
    ),
  ]
}

function foot(
  state: WatchState,
  open: CardLines | undefined,
  { columns, rows }: Size,
  style: Style,
): string[] {
  const { card, message } = state
  const line = (text: string): string => wrap(visibleLine(text), columns)[0] ?? ''
  const rule = style('dim', '─'.repeat(columns))
  if (card?.asks?.verdict === 'approve')
    return [rule, style('bold', line('Release this action? [y/N]')), line('')]
  if (card?.asks?.verdict === 'deny') {
    // Its end is what somebody is typing.
    const typed = [...card.asks.reason].slice(-(columns - 10)).join('')
    return [rule, line('Why not? Enter denies, Esc goes back. The agent is told.'), line(`> ${typed}_`)]
  }
  if (!card) {
    const count = state.requests.length
    const keys = '↑↓ move  Enter card  a approve  d deny  q quit'
    return [rule, line(message), style('dim', line(`${count} waiting   ${keys}`))]
  }
  const below = open ? Math.max(0, lengthOf(open) - card.scroll - (rows - FOOT)) : 0
  const more = below > 0 ? `${below} more lines: space   ` : ''
  return [rule, line(message), style('dim', line(`${more}a approve  d deny  Esc back`))]
}
