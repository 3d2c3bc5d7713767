import { createHash, hash } from 'node:crypto'

/** RFC 9162, 2.1.1: leaves and nodes are hashed under different prefixes, so that neither can pass for the other. */
const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export const HASH_BYTES = 32

export const leafHash = (leaf: string | Uint8Array): Uint8Array =>
  createHash('sha256').update(LEAF).update(leaf).digest()

export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  createHash('sha256').update(NODE).update(left).update(right).digest()

/** The root of a tree without leaves. */
export const emptyRoot = (): Uint8Array => hash('sha256', '', 'buffer')

export const sameHash = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0

export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** Strict (RFC 4648, 4): another spelling of the same bytes is refused. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
