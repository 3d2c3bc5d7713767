import { HoldpointError } from '#contract'
import { createTree } from './tree.ts'

/** Root of the tree over these leaf hashes. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const tree = createTree()
  for (const hash of hashes) tree.append(hash)
  return tree.root()
}

/** RFC 9162, 2.1.3.1, from the leaf upwards. Throws INVALID_INPUT when there is no such leaf. */
export function inclusionProof(hashes: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!(Number.isSafeInteger(index) && index >= 0 && index < hashes.length))
    throw new HoldpointError(
      'INVALID_INPUT',
      `inclusion proof: no leaf ${index} in a tree of ${hashes.length}`,
    )
  return path(hashes, index)
}

function path(hashes: readonly Uint8Array[], index: number): Uint8Array[] {
  if (hashes.length === 1) return []
  const split = largestPowerBelow(hashes.length)
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)]
  return index < split ? [...path(left, index), rootOf(right)] : [...path(right, index - split), rootOf(left)]
}

/**
 * RFC 9162, 2.1.4.1: that the tree over the first `size1` hashes is the beginning of the tree over all of them.
 * Throws INVALID_INPUT for an empty or a larger beginning: there is nothing to prove.
 */
export function consistencyProof(hashes: readonly Uint8Array[], size1: number): Uint8Array[] {
  if (!(Number.isSafeInteger(size1) && size1 > 0 && size1 <= hashes.length))
    throw new HoldpointError('INVALID_INPUT', `consistency proof: from ${size1} to ${hashes.length} leaves`)
  return subproof(hashes, size1, true)
}

/** `known`: the verifier has this very subtree as the root of the first tree. */
function subproof(hashes: readonly Uint8Array[], size1: number, known: boolean): Uint8Array[] {
  if (size1 === hashes.length) return known ? [] : [rootOf(hashes)]
  const split = largestPowerBelow(hashes.length)
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)]
  return size1 <= split
    ? [...subproof(left, size1, known), rootOf(right)]
    : [...subproof(right, size1 - split, false), rootOf(left)]
}

function largestPowerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
