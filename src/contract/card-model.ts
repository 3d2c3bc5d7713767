/**
 * What every channel shows of a card, in this order and in these words. A channel lays it out and escapes it for
 * its medium; it adds nothing, leaves nothing out and decides nothing. Live status stands outside.
 */
export interface CardModel {
  requestId: string
  /** What would run, in one line. */
  title: string
  sections: CardSection[]
  /** What somebody should look at twice: letters that pass for others, characters that cannot be seen. */
  warnings: string[]
  /** False where something did not fit: Approve then needs a rendition in which all of it does. */
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
  /** Plain text in which hostile characters are visible already; line feeds only in a `block`. */
  text: string
  /** A `block` is set in a fixed-width face and keeps its line feeds. */
  form: 'line' | 'block'
  /** Said beside it: where it comes from, what does not fit. */
  note?: string
}

/** Most characters of the arguments and of the statement that a channel has room for. */
export interface CardRoom {
  arguments: number
  statement: number
}
