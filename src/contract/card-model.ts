import type { Card } from './card.ts'
import {
  actionSection,
  factsSection,
  requesterSection,
  reviewSection,
  ruleSection,
  statementSection,
} from './card-sections.ts'
import { cardWarnings } from './card-warnings.ts'
import { shortenLine } from './shorten.ts'
import { visibleLine } from './visible.ts'

/**
 * What every channel shows of a card, in this order and in these words. A channel lays it out and escapes it for
 * its medium; it adds nothing, leaves nothing out and decides nothing. Live status stands outside.
 * Every text in it has been through `visible` already, which is applied once.
 */
export interface CardModel {
  requestId: string
  /** What would run, in one line. */
  title: string
  sections: CardSection[]
  /** What somebody should look at twice: letters that pass for others, characters that cannot be seen. */
  warnings: string[]
  /**
   * False where something did not fit, or was hidden by detection alone: Approve then needs a rendition made with
   * WHOLE_CARD.
   */
  isWhole: boolean
}

export interface CardSection {
  id: 'action' | 'requester' | 'statement' | 'rule' | 'facts' | 'review'
  title: string
  /** True for the agent's own words: they stand in a box that says so. */
  isTestimony: boolean
  fields: CardField[]
}

export interface CardField {
  label: string
  /** Plain text in which hostile characters are visible already; line feeds only in a `block` or `diff`. */
  text: string
  /**
   * All but `line` are set in a fixed-width face; `code` is one word, a `block` keeps its line feeds, and in a `diff`,
   * a block too, a line that begins with `+` was added and one that begins with `-` taken away.
   */
  form: 'line' | 'code' | 'block' | 'diff'
  /** Said beside it: where it comes from, what does not fit. */
  note?: string
}

/** Most characters of the arguments and of the statement that a channel has room for. */
export interface CardRoom {
  arguments: number
  /** Of all the facts together as well. */
  statement: number
}

const WHOLE = Number.POSITIVE_INFINITY
const ROOM: CardRoom = { arguments: 64_000, statement: 4_000 }
/** For a page that shows all of it. */
export const WHOLE_CARD: CardRoom = { arguments: WHOLE, statement: WHOLE }

/** Never throws for a card that the contract allows; takes time linear in its length. */
export function cardModel(card: Card, room: Partial<CardRoom> = {}): CardModel {
  const given: CardRoom = { ...ROOM, ...room }
  const parts = [
    actionSection(card, given.arguments),
    requesterSection(card),
    statementSection(card, given.statement),
    ruleSection(card),
    factsSection(card, given.statement),
    reviewSection(card),
  ].filter(({ section }) => section.fields.length > 0)
  return {
    requestId: visibleLine(card.requestId),
    title: actionTitle(card.action),
    sections: parts.map(({ section }) => section),
    warnings: cardWarnings(card),
    isWhole: parts.every(({ isWhole }) => isWhole) && (given.arguments === WHOLE || !isDetected(card)),
  }
}

/** No rule hides it: whoever approves has to have gone to the page with everything for it. */
const isDetected = ({ redacted }: Card): boolean => redacted.some(({ by }) => by === 'detection')

const MOST_IN_TITLE = 80

/** One line for lists and headings. What is shortened says so; all of it stands in the first section. */
export function actionTitle({ name, target }: { name: string; target?: string }): string {
  const parts = [name, ...(target === undefined ? [] : [target])].map(visibleLine)
  const short = parts.map((part) => shortenLine(part, MOST_IN_TITLE))
  const isShortened = parts.some((part, index) => part !== short[index])
  return `${short.join(' on ')}${isShortened ? ' (shortened)' : ''}`
}
