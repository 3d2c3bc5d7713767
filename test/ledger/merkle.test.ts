import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  consistencyProof,
  createTree,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '#ledger'
import { describeVectors, listVectors, readJsonVector } from '../support/vectors.ts'

const bytes = (base64: string) => Buffer.from(base64, 'base64')
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const leavesOf = (count: number) => Array.from({ length: count }, (_, index) => leafHash(`leaf ${index}`))

/** RFC 9162, 2.1.1, word by word: what everything else is compared with. */
function recursiveRoot(hashes: Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return createHash('sha256').digest()
  if (hashes.length === 1) return hashes[0] as Uint8Array
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return nodeHash(recursiveRoot(hashes.slice(0, split)), recursiveRoot(hashes.slice(split)))
}

interface InclusionVector {
  leafIdx: number
  treeSize: number
  root: string
  leafHash: string
  proof: string[] | null
  wantErr: boolean
}
interface ConsistencyVector {
  size1: number
  size2: number
  root1: string
  root2: string
  proof: string[] | null
  wantErr: boolean
}

describeVectors('public vectors', () => {
  const inclusion = listVectors('merkle/inclusion')
  const consistency = listVectors('merkle/consistency')

  test('merkle - there are 98 vectors of each kind', () => {
    expect([inclusion.length, consistency.length]).toEqual([98, 98])
  })

  test.each(inclusion)('merkle - %s', (path) => {
    const vector = readJsonVector<InclusionVector>(path)
    const proven = verifyInclusion({
      index: vector.leafIdx,
      size: vector.treeSize,
      leaf: bytes(vector.leafHash),
      root: bytes(vector.root),
      proof: (vector.proof ?? []).map(bytes),
    })
    expect(proven).toBe(!vector.wantErr)
  })

  test.each(consistency)('merkle - %s', (path) => {
    const vector = readJsonVector<ConsistencyVector>(path)
    const proven = verifyConsistency({
      size1: vector.size1,
      size2: vector.size2,
      root1: bytes(vector.root1),
      root2: bytes(vector.root2),
      proof: (vector.proof ?? []).map(bytes),
    })
    expect(proven).toBe(!vector.wantErr)
  })
})

describe('tree', () => {
  test('tree - without leaves the root is the hash of nothing', () => {
    expect(hex(createTree().root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  test('tree - a leaf and a node of the same bytes have different hashes', () => {
    const [left, right] = [leafHash('a'), leafHash('b')]
    expect(hex(leafHash(Buffer.concat([left, right])))).not.toBe(hex(nodeHash(left, right)))
  })

  test('tree - appended one by one it has the root of the recursive definition, at every size', () => {
    const hashes = leavesOf(130)
    const tree = createTree()
    for (const [index, hash] of hashes.entries()) {
      expect(tree.append(hash)).toBe(index)
      expect(hex(tree.root())).toBe(hex(recursiveRoot(hashes.slice(0, index + 1))))
    }
    expect(tree.size()).toBe(130)
    expect(hex(rootOf(hashes))).toBe(hex(tree.root()))
  })

  test('tree - goes on from its frontier, and the frontier holds one hash for each set bit', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(60), (first, more) => {
        const hashes = leavesOf(first + more)
        const tree = createTree()
        for (const hash of hashes.slice(0, first)) tree.append(hash)
        const frontier = JSON.parse(JSON.stringify(tree.frontier()))
        expect(frontier.hashes.length).toBe(first.toString(2).replaceAll('0', '').length)
        const again = createTree(frontier)
        for (const hash of hashes.slice(first)) again.append(hash)
        expect(hex(again.root())).toBe(hex(recursiveRoot(hashes)))
        expect(again.size()).toBe(first + more)
      }),
      { numRuns: 60 },
    )
  })

  test('tree - a frontier goes past 2^32 leaves', () => {
    const size = 2 ** 40 - 1
    const hashes = leavesOf(40).map((hash) => Buffer.from(hash).toString('base64'))
    const tree = createTree({ size, hashes })
    tree.append(leafHash('x'))
    expect(tree.size()).toBe(2 ** 40)
    expect(tree.frontier().hashes.length).toBe(1)
  })

  const one = Buffer.from(leafHash('a')).toString('base64')
  test.each([
    ['more hashes than bits', { size: 1, hashes: [one, one] }],
    ['fewer hashes than bits', { size: 3, hashes: [one] }],
    ['a hash that is too short', { size: 1, hashes: [one.slice(0, 40)] }],
    ['a hash in another spelling', { size: 1, hashes: [one.replace('=', '')] }],
    ['a negative size', { size: -1, hashes: [] }],
    ['half a leaf', { size: 0.5, hashes: [] }],
    ['a size beyond 2^53', { size: 2 ** 53, hashes: [one] }],
  ])('tree - a frontier with %s is refused', (_, frontier) => {
    expect(() => createTree(frontier)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

const inclusionOf = (count: number, index: number) => {
  const hashes = leavesOf(count)
  const claim = { index, size: count, leaf: hashes[index] as Uint8Array, root: rootOf(hashes) }
  return { ...claim, proof: inclusionProof(hashes, index) }
}
const consistencyOf = (size1: number, size2: number) => {
  const hashes = leavesOf(size2)
  const claim = { size1, size2, root1: rootOf(hashes.slice(0, size1)), root2: rootOf(hashes) }
  return { ...claim, proof: consistencyProof(hashes, size1) }
}
const flip = (hash: Uint8Array, bit: number) => {
  const copy = Buffer.from(hash)
  copy[Math.floor(bit / 8) % 32] = (copy[Math.floor(bit / 8) % 32] as number) ^ (1 << (bit % 8))
  return copy
}
const position = fc
  .integer({ min: 1, max: 70 })
  .chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)))

describe('inclusion', () => {
  test('inclusion - every leaf of every small tree is proven', () => {
    for (let size = 1; size <= 33; size++)
      for (let index = 0; index < size; index++) expect(verifyInclusion(inclusionOf(size, index))).toBe(true)
  })

  test('inclusion - no proof holds for another index, size, leaf, root or path', () => {
    fc.assert(
      fc.property(position, fc.nat(255), fc.nat(80), ([size, index], bit, other) => {
        const claim = inclusionOf(size, index)
        const { proof } = claim
        expect(verifyInclusion(claim)).toBe(true)
        expect(verifyInclusion({ ...claim, leaf: flip(claim.leaf, bit) })).toBe(false)
        expect(verifyInclusion({ ...claim, root: flip(claim.root, bit) })).toBe(false)
        expect(verifyInclusion({ ...claim, proof: [...proof, claim.root] })).toBe(false)
        expect(verifyInclusion({ ...claim, proof: [claim.leaf, ...proof] })).toBe(false)
        if (other !== index) expect(verifyInclusion({ ...claim, index: other })).toBe(false)
        for (const [at, hash] of proof.entries()) {
          expect(verifyInclusion({ ...claim, proof: proof.with(at, flip(hash, bit)) })).toBe(false)
          expect(verifyInclusion({ ...claim, proof: proof.toSpliced(at, 1) })).toBe(false)
          expect(verifyInclusion({ ...claim, proof: proof.with(at, hash.subarray(1)) })).toBe(false)
        }
      }),
      { numRuns: 80 },
    )
  })

  test('inclusion - an empty path proves nothing but the one leaf of a tree of one', () => {
    const leaf = leafHash('forged')
    expect(verifyInclusion({ index: 0, size: 1, leaf, root: leaf, proof: [] })).toBe(true)
    for (const [index, size] of [
      [0, 2],
      [1, 2],
      [1, 1],
      [0, 0],
      [2, 3],
      [7, 8],
      [2 ** 32, 2 ** 32 + 1],
    ] as const)
      expect(verifyInclusion({ index, size, leaf, root: leaf, proof: [] })).toBe(false)
  })

  test.each([
    [-1, 4],
    [4, 4],
    [0, 0],
    [0.5, 4],
    [Number.NaN, 4],
    [0, Number.NaN],
    [0, 2 ** 53],
    [0, -1],
  ])('inclusion - index %d in a tree of %d is refused', (index, size) => {
    expect(verifyInclusion({ ...inclusionOf(4, 0), index, size })).toBe(false)
  })
})

test('inclusion - a path that is too long for the size is refused, even where it leads to the root', () => {
  const [left, right] = leavesOf(2) as [Uint8Array, Uint8Array]
  const claim = { index: 0, leaf: right, root: nodeHash(left, right), proof: [left] }
  expect(verifyInclusion({ ...claim, index: 1, size: 2 })).toBe(true)
  expect(verifyInclusion({ ...claim, size: 1 })).toBe(false)
})

test.each([-1, 4, 0.5, Number.NaN])('inclusion - of leaf %d in a tree of 4 there is no proof', (index) => {
  expect(() => inclusionProof(leavesOf(4), index)).toThrow(/no leaf/)
})

describe('consistency', () => {
  test('consistency - every beginning of every small tree is proven', () => {
    for (let size2 = 1; size2 <= 33; size2++)
      for (let size1 = 1; size1 <= size2; size1++)
        expect(verifyConsistency(consistencyOf(size1, size2))).toBe(true)
  })

  test('consistency - a path that is too long for the sizes is refused, even where it leads to both roots', () => {
    const [a, b, c, d] = leavesOf(4) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const three = [c, d, nodeHash(a, b)]
    const claim = { size1: 3, root1: rootOf([a, b, c]), root2: rootOf([a, b, c, d]), proof: three }
    expect(verifyConsistency({ ...claim, size2: 4 })).toBe(true)
    const above = leafHash('above')
    const roots = { root1: nodeHash(above, claim.root1), root2: nodeHash(above, claim.root2) }
    expect(verifyConsistency({ ...claim, ...roots, size2: 4, proof: [...three, above] })).toBe(false)
  })

  test('consistency - no proof holds for another size, root or path, or for a rewritten history', () => {
    fc.assert(
      fc.property(position, fc.nat(255), fc.nat(80), ([size2, before], bit, other) => {
        const claim = consistencyOf(before + 1, size2)
        const { proof, size1 } = claim
        expect(verifyConsistency(claim)).toBe(true)
        expect(verifyConsistency({ ...claim, root1: flip(claim.root1, bit) })).toBe(false)
        expect(verifyConsistency({ ...claim, root2: flip(claim.root2, bit) })).toBe(false)
        expect(verifyConsistency({ ...claim, proof: [...proof, claim.root2] })).toBe(false)
        if (other !== size1) expect(verifyConsistency({ ...claim, size1: other })).toBe(false)
        for (const [at, hash] of proof.entries()) {
          expect(verifyConsistency({ ...claim, proof: proof.with(at, flip(hash, bit)) })).toBe(false)
          expect(verifyConsistency({ ...claim, proof: proof.toSpliced(at, 1) })).toBe(false)
        }
        if (size1 < size2) {
          const rewritten = leavesOf(size2).with(bit % size1, leafHash('rewritten'))
          const forged = { ...claim, root2: rootOf(rewritten), proof: consistencyProof(rewritten, size1) }
          expect(verifyConsistency(forged)).toBe(false)
        }
      }),
      { numRuns: 80 },
    )
  })

  test.each([
    [0, 3],
    [4, 3],
    [-1, 3],
    [1.5, 3],
  ])('consistency - from %d to %d is refused', (size1, size2) => {
    expect(verifyConsistency({ ...consistencyOf(1, 3), size1, size2 })).toBe(false)
    expect(() => consistencyProof(leavesOf(size2), size1)).toThrow(/consistency proof/)
  })
})
