import { HoldpointError } from '#contract'
import { emptyRoot, fromBase64, HASH_BYTES, nodeHash, toBase64 } from './hash.ts'

/** What is needed to go on appending: the roots of the complete subtrees, largest first, in base64. */
export interface Frontier {
  size: number
  hashes: string[]
}

/** An append-only Merkle tree (RFC 9162, 2.1) that remembers only its frontier: at most one hash for each bit of size. */
export interface Tree {
  /** Takes a leaf hash and returns its index. */
  append(leafHash: Uint8Array): number
  size(): number
  root(): Uint8Array
  /** Serialisable; createTree goes on from it. */
  frontier(): Frontier
}

/** Throws INVALID_INPUT for a frontier that no tree has. */
export function createTree(from: Frontier = { size: 0, hashes: [] }): Tree {
  const stack = readFrontier(from)
  let size = from.size

  return {
    append(leafHash) {
      let subtree = leafHash
      // Two complete subtrees of one height become one of the next: a carry, as in binary addition.
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2)
        subtree = nodeHash(stack.pop() as Uint8Array, subtree)
      stack.push(subtree)
      return size++
    },
    size: () => size,
    root: () => (size === 0 ? emptyRoot() : stack.reduceRight((right, left) => nodeHash(left, right))),
    frontier: () => ({ size, hashes: stack.map(toBase64) }),
  }
}

function readFrontier({ size, hashes }: Frontier): Uint8Array[] {
  const stack = hashes.map(fromBase64).filter((bytes) => bytes?.length === HASH_BYTES) as Uint8Array[]
  if (
    !Number.isSafeInteger(size) ||
    size < 0 ||
    stack.length !== hashes.length ||
    stack.length !== ones(size)
  )
    throw new HoldpointError(
      'INVALID_INPUT',
      `frontier: found ${hashes.length} hashes for size ${size}, expected one of 32 bytes in base64 for each set bit`,
    )
  return stack
}

function ones(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
