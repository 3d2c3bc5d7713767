import { HoldpointError } from '#contract'

/** Prefixes of UTF-8 that are looked for among very many strings, nearly none of which begin with one of them. */
export interface Prefixes {
  /** By their first byte. */
  byFirst: readonly (readonly Uint8Array[] | undefined)[]
}

export function createPrefixes(prefixes: readonly string[]): Prefixes {
  const byFirst: Uint8Array[][] = Array.from({ length: 256 })
  for (const prefix of prefixes) {
    const bytes = new TextEncoder().encode(prefix)
    const [first] = bytes
    if (first === undefined) throw new HoldpointError('INTERNAL', 'an empty prefix begins every string')
    byFirst[first] = [...(byFirst[first] ?? []), bytes]
  }
  return { byFirst }
}

export function beginsWithOne({ byFirst }: Prefixes, bytes: Uint8Array, from: number, to: number): boolean {
  if (from === to) return false
  const prefixes = byFirst[bytes[from] as number]
  if (prefixes === undefined) return false
  for (const prefix of prefixes) if (isThere(prefix, bytes, from, to)) return true
  return false
}

function isThere(prefix: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < prefix.length) return false
  for (let at = 1; at < prefix.length; at++) if (prefix[at] !== bytes[from + at]) return false
  return true
}
