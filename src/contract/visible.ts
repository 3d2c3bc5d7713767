/**
 * Text of an agent as people may safely be shown it: what steers a terminal, turns text around or cannot be seen
 * (controls but the line feed, format characters such as bidi, zero-width and tags, line separators, private and
 * unassigned code points, lone surrogates) is written as its code point.
 */
export const visible = (text: string): string =>
  text.replace(
    /(?!\n)[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  )
