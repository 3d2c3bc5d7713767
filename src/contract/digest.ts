import { hash } from 'node:crypto'
import { canonicalize } from './json.ts'

/** `sha-256:` and 64 lowercase hex digits. */
export type Digest = `sha-256:${string}`

export const DIGEST = /^sha-256:[0-9a-f]{64}$/

export const digestBytes = (bytes: string | Uint8Array): Digest => `sha-256:${hash('sha256', bytes, 'hex')}`

/** The digest of a value's canonical bytes. */
export const digestJson = (value: unknown): Digest => digestBytes(canonicalize(value))

export const digestHex = (digest: Digest): string => digest.slice('sha-256:'.length)
