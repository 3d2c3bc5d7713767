import fc from 'fast-check'
import { expect, test } from 'vitest'
import { visible, visibleLine } from '#contract'
import { HOSTILE_TEXTS } from '../support/hostile.ts'

/** The only characters that are shown as they are although they are no letter, mark, number, sign or plain space. */
const UNSHOWN = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u

test.each([
  ['a tab', '\t', '\\u{9}'],
  ['a lone carriage return', 'a\rb', 'a\\u{d}b'],
  ['a carriage return before a line feed', 'a\r\nb', 'a\\u{d}\nb'],
  ['an escape sequence', '\u001b[2J', '\\u{1b}[2J'],
  ['a right-to-left override', '\u202e', '\\u{202e}'],
  ['a zero-width space', '\u200b', '\\u{200b}'],
  ['tag characters', '\u{e0041}', '\\u{e0041}'],
  ['a control of eight bits', '\u009b', '\\u{9b}'],
  ['a line separator', '\u2028', '\\u{2028}'],
  ['a soft hyphen', '\u00ad', '\\u{ad}'],
  ['a private-use character', '\ue000', '\\u{e000}'],
  ['an unassigned character', '\u0378', '\\u{378}'],
  ['a byte-order mark', '\ufeff', '\\u{feff}'],
  ['a variation selector', '\ufe0f', '\\u{fe0f}'],
  ['a supplementary variation selector', '\u{e0100}', '\\u{e0100}'],
  ['a Mongolian variation selector', '\u180b', '\\u{180b}'],
  ['a combining grapheme joiner', '\u034f', '\\u{34f}'],
  ['a Hangul filler', '\u3164', '\\u{3164}'],
  ['a halfwidth Hangul filler', '\uffa0', '\\u{ffa0}'],
  ['Hangul choseong and jungseong fillers', '\u115f\u1160', '\\u{115f}\\u{1160}'],
  ['Khmer inherent vowels', '\u17b4\u17b5', '\\u{17b4}\\u{17b5}'],
  ['a Braille blank', '\u2800', '\\u{2800}'],
  ['a note without a head', '\u{1d159}', '\\u{1d159}'],
  ['a no-break space', '\u00a0', '\\u{a0}'],
  ['an ideographic space', '\u3000', '\\u{3000}'],
  ['an em space and a hair space', '\u2003\u200a', '\\u{2003}\\u{200a}'],
  ['an Ogham space mark', '\u1680', '\\u{1680}'],
  ['a lone surrogate', 'a\ud800', 'a\\u{d800}'],
  ['a mark upon nothing', '\u0338', '\\u{338}'],
  ['a mark upon a quotation mark', '"\u0338"', '"\\u{338}"'],
  ['a mark upon a space, and one upon that', ' \u0301\u0302', ' \\u{301}\\u{302}'],
  ['a mark at the beginning of a line', 'a\n\u0301', 'a\n\\u{301}'],
  ['a mark behind what is escaped', 'a\u200b\u0301', 'a\\u{200b}\\u{301}'],
  ['the fifth mark upon a letter', `a${'\u0301'.repeat(6)}b`, `a${'\u0301'.repeat(4)}\\u{301}\\u{301}b`],
])('visible - %s is shown, not obeyed', (_, hostile, shown) => {
  expect(visible(hostile)).toBe(shown)
})

test('visible - ordinary text in any script stays as it is', () => {
  const text = 'Größe, cafe\u0301, 日本語, العَرَبِيَّة, हिन्दी, שָׁלוֹם, ที่นี่, emoji 🙂\nC:\\users\\unit'
  expect(visible(text)).toBe(text)
})

test('visible - an escape that somebody types does not look like one that we write', () => {
  expect(visible('\\u{202e}')).toBe('\\u{5c}u{202e}')
  expect(visible('\\\\u{202e}')).toBe('\\\\u{5c}u{202e}')
  expect(visible('\\\u202e')).toBe('\\\\u{202e}')
})

test('visible - on one line, a line feed is shown too', () => {
  expect(visibleLine('a\nb')).toBe('a\\u{a}b')
  expect(visibleLine('a\\u{a}b')).toBe('a\\u{5c}u{a}b')
})

test.each(HOSTILE_TEXTS)('visible - $name leaves nothing behind that cannot be seen', ({ text }) => {
  expect(visible(text)).not.toMatch(UNSHOWN)
})

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\\', 'u', '{', '}', '5', 'c', '2', '0', 'e', 'a', '\n', '\u202e', '\u200b'),
  }),
)
const decode = (shown: string): string =>
  shown.replace(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))

test('visible - whatever is shown can be read back, so no two texts look the same', () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(decode(visible(given))).toBe(given)
      expect(decode(visibleLine(given))).toBe(given)
      expect(visible(given)).not.toMatch(UNSHOWN)
    }),
    { numRuns: 2_000 },
  )
})
