import { HASH_BYTES, nodeHash, sameHash } from './hash.ts'

export interface InclusionClaim {
  index: number
  size: number
  /** The leaf's hash. */
  leaf: Uint8Array
  root: Uint8Array
  proof: readonly Uint8Array[]
}

/** RFC 9162, 2.1.3.2. Everything in the claim is taken as hostile; what is malformed is simply not proven. */
export function verifyInclusion({ index, size, leaf, root, proof }: InclusionClaim): boolean {
  if (!isSize(size) || !isSize(index) || index >= size || ![leaf, root, ...proof].every(isHash)) return false
  let node = index
  let last = size - 1
  let hash = leaf
  for (const sibling of proof) {
    // The path is longer than the tree is high. (An empty one thus proves only the single leaf of a tree of one.)
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = half(node)
    last = half(last)
  }
  return last === 0 && sameHash(hash, root)
}

export interface ConsistencyClaim {
  size1: number
  size2: number
  root1: Uint8Array
  root2: Uint8Array
  proof: readonly Uint8Array[]
}

/**
 * RFC 9162, 2.1.4.2: the tree of `size1` is the beginning of the tree of `size2`.
 * An empty beginning is refused: it is consistent with every history, and so proves nothing.
 */
export function verifyConsistency({ size1, size2, root1, root2, proof }: ConsistencyClaim): boolean {
  if (!isSize(size1) || !isSize(size2) || size1 === 0 || size1 > size2) return false
  if (size1 === size2) return proof.length === 0 && sameHash(root1, root2)
  if (![root1, root2, ...proof].every(isHash)) return false

  let node = size1 - 1
  let last = size2 - 1
  while (isOdd(node)) [node, last] = [half(node), half(last)]
  // Where the first tree is complete, its root is itself the first step and is left out of the proof.
  const [first, ...rest] = node === 0 ? [root1, ...proof] : proof
  if (first === undefined) return false

  let [hash1, hash2] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      hash1 = nodeHash(sibling, hash1)
      hash2 = nodeHash(sibling, hash2)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      hash2 = nodeHash(hash2, sibling)
    }
    node = half(node)
    last = half(last)
  }
  return last === 0 && sameHash(hash1, root1) && sameHash(hash2, root2)
}

// Division, not shifts: shifts are of 32 bits, and a hostile size is not.
const half = (value: number): number => Math.floor(value / 2)
const isOdd = (value: number): boolean => value % 2 === 1
const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
const isHash = (value: Uint8Array): boolean => value.length === HASH_BYTES
