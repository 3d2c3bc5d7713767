/** What fits of a text that is visible already, and how much of it does not. */
export interface Fitted {
  text: string
  /** Characters that are left out; 0 where all of it fits. */
  omitted: number
}

/**
 * Beginning and end of a text that has more than `room` characters (UTF-16 units), with a line between them that
 * says how many are left out: what is appended far behind must not go unseen.
 */
export function fitInto(text: string, room: number): Fitted {
  if (text.length <= room) return { text, omitted: 0 }
  const head = safeCut(text, Math.ceil((room * 2) / 3))
  const tail = safeCut(text, text.length - Math.floor(room / 3))
  const omitted = tail - head
  return { text: `${text.slice(0, head)}\n${omissionLine(omitted)}\n${text.slice(tail)}`, omitted }
}

export const omissionLine = (omitted: number): string => `⋯ ${count(omitted)} characters are not shown here ⋯`

/** The beginning of a line, cut between graphemes, and at most `most` code points of it. */
export function shortenLine(text: string, most: number): string {
  if (text.length <= most) return text
  let taken = ''
  let points = 0
  // A hostile grapheme can be as long as the text, hence the count of code points beside it.
  for (const { segment } of graphemesOf(text.slice(0, most * 4))) {
    points += [...segment].length
    if (points > most) return `${taken.slice(0, safeCut(taken, taken.length))}…`
    taken += segment
  }
  return taken.length === text.length ? text : `${taken}…`
}
/** Made when it is first needed: it reads tables that most processes have no use for. */
let segmenter: Intl.Segmenter | undefined
const graphemesOf = (text: string): Intl.Segments => {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return segmenter.segment(text)
}

/** Whole numbers as people read them: 12,345. */
export const count = (value: number): string => value.toLocaleString('en-US')

/** The nearest place at or before `at` that cuts no surrogate pair and no escape in two. */
function safeCut(text: string, at: number): number {
  for (let place = at; place > Math.max(0, at - 32); place--) if (isSafe(text, place)) return place
  return at
}

function isSafe(text: string, place: number): boolean {
  const next = text.charCodeAt(place)
  if (next >= 0xdc00 && next <= 0xdfff) return false
  return !/\\(?:u(?:\{[0-9a-f]*)?)?$/.test(text.slice(Math.max(0, place - 10), place))
}
