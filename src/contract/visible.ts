/**
 * Text of an agent as people may safely be shown it: what steers a terminal, turns text around, cannot be seen or
 * passes for a space (controls but the line feed, format characters such as bidi, zero-width and tags, spaces but
 * the plain one, fillers, variation selectors, private and unassigned code points, lone surrogates), and marks that
 * stand upon no letter or upon four others are written as code points, `\u{202e}`. Whoever types such an escape does
 * not get the same text: its backslash is escaped, so that two different texts never look the same. For the same
 * reason it is applied once, not twice.
 */
export const visible = (text: string): string => text.replace(UNSHOWN_OR_ESCAPE, escapeOf)

/** The same on one line: line feeds are escaped too. */
export const visibleLine = (text: string): string => visible(text).replaceAll('\n', '\\u{a}')

/** One character as its code point. */
export const escapeOf = (char: string): string => `\\u{${char.codePointAt(0)?.toString(16)}}`

// U+2800 is a Braille pattern without dots, U+1D159 a note without a head, U+16FE4 a filler: drawn as nothing.
const CONCEALED_CLASS =
  '(?![\\n ])[\\p{Cc}\\p{Cf}\\p{Co}\\p{Cn}\\p{Cs}\\p{Z}\\p{Default_Ignorable_Code_Point}\\u2800\\u{1d159}\\u{16fe4}]'
// A mark needs a letter to stand upon, and no language stacks five: it would draw over a quotation mark of ours, or
// over the lines above and below.
const STRAY_MARK_CLASS = '(?<![\\p{L}\\p{N}\\p{S}](?:(?!\\p{Default_Ignorable_Code_Point})\\p{M}){0,3})\\p{M}'

/** Characters that cannot be seen, or that steer what is shown. */
export const CONCEALED = new RegExp(CONCEALED_CLASS, 'gu')
/** Source of an expression (flag `u`) for every character that is not shown as it is. */
export const UNSHOWN = `${CONCEALED_CLASS}|${STRAY_MARK_CLASS}`
const UNSHOWN_OR_ESCAPE = new RegExp(`\\\\(?=u\\{)|${UNSHOWN}`, 'gu')
