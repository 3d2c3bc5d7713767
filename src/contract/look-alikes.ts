/**
 * Letters that pass for others, after Unicode's security mechanisms (UTS 39, 5.1): a word whose letters come from
 * scripts that nobody mixes in one word, or that is plain Latin in disguise (`𝐚𝐝𝐦𝐢𝐧`, `ａｄｍｉｎ`).
 */
export interface LookAlike {
  word: string
  /** Which scripts it mixes; empty for plain letters in disguise. */
  scripts: string[]
}

/** The words of a text that are not what they look like. */
export function findLookAlikes(text: string): LookAlike[] {
  const found: LookAlike[] = []
  if (isAscii(text)) return found
  const known = new Map<string, string | undefined>()
  for (const [word] of text.matchAll(/[\p{L}\p{M}]+/gu)) {
    if (isAscii(word)) continue
    const scripts = scriptsOf(word, known)
    if (scripts.length > 1) found.push({ word, scripts })
    else if (isDisguised(word)) found.push({ word, scripts: [] })
  }
  return found
}

/** Printable ASCII only, with tabs and line breaks: nothing in it can look like something else. */
export const isAscii = (text: string): boolean => /^[\t\n\r\x20-\x7e]*$/.test(text)

/** The scripts of a word, as far as they are none that are written together. `known` is of letters seen before. */
function scriptsOf(word: string, known: Map<string, string | undefined>): string[] {
  const found = new Set<string>()
  for (const letter of word) {
    if (!known.has(letter)) known.set(letter, SCRIPTS.find(([, pattern]) => pattern.test(letter))?.[0])
    const script = known.get(letter)
    if (script !== undefined) found.add(script)
  }
  // Japanese, Korean and Chinese words take Latin letters in (UTS 39, "highly restrictive").
  if (found.has('Latin') && found.size === 2 && found.has('East Asian')) return ['Latin']
  return [...found]
}

/** Compatibility letters that are plain ones underneath. Marks are left out: sorting many of them is quadratic. */
const isDisguised = (word: string): boolean =>
  !/\p{M}/u.test(word) && /^[\x20-\x7e]+$/.test(word.slice(0, LONGEST_WORD).normalize('NFKC'))
const LONGEST_WORD = 1000

const SCRIPTS: readonly (readonly [string, RegExp])[] = [
  ['Latin', /\p{Script=Latin}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Greek', /\p{Script=Greek}/u],
  [
    'East Asian',
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u,
  ],
  ['Arabic', /\p{Script=Arabic}/u],
  ['Hebrew', /\p{Script=Hebrew}/u],
  ['Armenian', /\p{Script=Armenian}/u],
  ['Cherokee', /\p{Script=Cherokee}/u],
  ['Coptic', /\p{Script=Coptic}/u],
  ['Georgian', /\p{Script=Georgian}/u],
  ['Lisu', /\p{Script=Lisu}/u],
  ['Deseret', /\p{Script=Deseret}/u],
  ['Osage', /\p{Script=Osage}/u],
  ['Tifinagh', /\p{Script=Tifinagh}/u],
  ['Canadian Aboriginal', /\p{Script=Canadian_Aboriginal}/u],
  ['Thai', /\p{Script=Thai}/u],
  ['Devanagari', /\p{Script=Devanagari}/u],
  // Letters of every other script but those that belong to none, such as the mathematical ones.
  ['another script', /(?![\p{Script=Common}\p{Script=Inherited}])\p{L}/u],
]
