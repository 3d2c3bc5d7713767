import { findLookAlikes, isAscii, type LookAlike } from './look-alikes.ts'
import { count, shortenLine } from './shorten.ts'
import { CONCEALED, escapeOf } from './visible.ts'

/** Something in a text that is not what it seems. */
export interface Suspicion {
  kind: 'concealed' | 'mixed' | 'stacked' | 'turned' | 'gap' | 'encoded' | 'replaced'
  times: number
  /** A few of them, safe to show. */
  samples: readonly string[]
}

/** More than are ever named. */
const MOST_SAMPLES = 5

/** Linear in the text's length, whatever is in it. */
export function suspicionsOf(text: string): Suspicion[] {
  const found: Suspicion[] = []
  const note = (kind: Suspicion['kind'], samples: readonly string[] = [], times = 1): void => {
    if (times > 0) found.push({ kind, times, samples })
  }
  if (hasGap(text)) note('gap')
  if (isEncoded(text)) note('encoded', [`${count(text.length)} characters`])
  if (isAscii(text) && !/\r(?!\n)/.test(text)) return found
  const concealed = concealedIn(text)
  note('concealed', [...new Set(concealed)].slice(0, MOST_SAMPLES).map(codePointName), concealed.length)
  const words = findLookAlikes(text)
  note('mixed', words.slice(0, MOST_SAMPLES).map(described), words.length)
  if (/\p{M}{5}/u.test(text)) note('stacked')
  if (RIGHT_TO_LEFT.test(text) && /[A-Za-z0-9]/.test(text)) note('turned')
  note('replaced', [], text.split('\ufffd').length - 1)
  return found
}

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u

/** Line ends and tabs hide nothing, nor do the joiners and selectors that an emoji is made of. */
const concealedIn = (text: string): string[] =>
  text
    .replaceAll('\r\n', '')
    .replace(/\p{RGI_Emoji}/gv, '')
    .match(CONCEALED)
    ?.filter((char) => char !== '\t') ?? []

const described = ({ word, scripts }: LookAlike): string =>
  `${foreignEscaped(word)}${scripts.length === 0 ? '' : ` mixes ${scripts.join(' and ')}`}`

const codePointName = (char: string): string =>
  `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`

const foreignEscaped = (word: string): string =>
  shortenLine(word.slice(0, 100).replace(/[^\x20-\x7e]/gu, escapeOf), 80)

const LONGEST_GAP = 40
const MOST_EMPTY_LINES = 8

/** By hand: an expression for empty lines that hold spaces takes quadratic time on a text of spaces. */
function hasGap(text: string): boolean {
  let blanks = 0
  let lines = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === 0x20 || char === 0x09) blanks++
    else if (char === 0x0a || char === 0x0d) {
      blanks = 0
      if (char === 0x0a) lines++
    } else {
      blanks = 0
      lines = 0
    }
    if (blanks >= LONGEST_GAP || lines > MOST_EMPTY_LINES) return true
  }
  return false
}

/** Base64 or hex without a single space, far longer than any identifier. */
const isEncoded = (text: string): boolean => text.length >= 256 && /^[A-Za-z0-9+/_=-]+$/.test(text)
