import type { RowWriter } from '../row-binary.ts'

const encoded = (words: readonly string[]): Uint8Array[] =>
  words.map((word) => Uint8Array.of(word.length, ...Buffer.from(word)))

/** Numbers in OTLP, names in the tables; a number that has no name counts as the first. */
export const KINDS = encoded(['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'])
export const STATUS_CODES = encoded(['Unset', 'Ok', 'Error'])

export const writeWord = (writer: RowWriter, words: readonly Uint8Array[], number: number): void =>
  writer.encoded(words[number] ?? (words[0] as Uint8Array))
