import type { Span } from './span.ts'

const DIGITS = /(?<![\w.-])\d(?:[ -]?\d){13,15}(?![\w-]|\.\d)/g
const SHORTEST = 14
/** As they are printed: not grouped, or in groups of a card. */
const GROUPED = /^(?:\d{14,16}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{4,5})$/
/** Visa, Mastercard, American Express, Discover, JCB, Diners: the beginnings and lengths that are given out. */
const BRANDS =
  /^(?:4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11})$/

/** Numbers of payment cards: beginning, length, grouping and check digit have to be those of one. */
export function findPaymentCards(text: string): Span[] {
  const spans: Span[] = []
  if (text.length < SHORTEST) return spans
  DIGITS.lastIndex = 0
  for (let match = DIGITS.exec(text); match; match = DIGITS.exec(text)) {
    const { index: from, 0: found } = match
    if (isPaymentCard(found)) spans.push({ from, to: from + found.length })
    // Another number may stand right before it, with no more than a space between them.
    else DIGITS.lastIndex = from + 1
  }
  return spans
}

export function isPaymentCard(written: string): boolean {
  if (!GROUPED.test(written)) return false
  const digits = written.replace(/[ -]/g, '')
  return BRANDS.test(digits) && isLuhn(digits)
}

/** ISO/IEC 7812-1, annex B. */
function isLuhn(digits: string): boolean {
  let sum = 0
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place])
    const twice = digit * 2
    sum += place % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice
  }
  return sum % 10 === 0
}
