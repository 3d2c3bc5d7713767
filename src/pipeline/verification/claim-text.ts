import type { Digest } from '#contract'
import type { Claim } from './claims.ts'

/** Honest spans say far less; one that names a million approvers is judged once. */
const MAX_CHARS = 64 * 1024

/** A claim as it is kept, to be judged again when the ledger can be read. Empty where it is too long for that. */
export function encodeClaim({ contentDigest: _, ...claim }: Claim): string {
  const text = JSON.stringify(claim)
  return text.length > MAX_CHARS ? '' : text
}

/** Of a text that `encodeClaim` made: only the pipeline writes there. */
export const decodeClaim = (text: string, contentDigest: Digest): Claim => ({
  ...(JSON.parse(text) as Claim),
  contentDigest: () => contentDigest,
})
