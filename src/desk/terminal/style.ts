/** Select Graphic Rendition (ECMA-48, 8.3.117): the only sequences that ever reach a terminal line. */
const SGR = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type StyleName = keyof typeof SGR

export const styleText = (name: StyleName, text: string): string =>
  text === '' ? text : `\u001b[${SGR[name]}m${text}\u001b[0m`
