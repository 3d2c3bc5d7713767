import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import { canonicalize, HoldpointError, type Typ } from '#contract'
import { decodeBase64url, thumbprint } from './key.ts'

/** An Ed25519 key that can sign. The seed stays in the closure: printing or serialising this never shows it. */
export interface PrivateKey {
  /** RFC 7638 thumbprint. */
  kid: string
  /** The public key, base64url. */
  x: string
  sign(bytes: Uint8Array | string): Uint8Array
  toJSON(): { kid: string; x: string }
}

/** A new seed, 32 bytes in base64url, for whoever keeps it. */
export const generateKey = (): { seed: string } => ({ seed: randomBytes(32).toString('base64url') })

/** Throws INVALID_CONFIG when `seed` is not 32 bytes in base64url; the message does not repeat it. */
export function loadKey(seed: string): PrivateKey {
  const bytes = decodeBase64url(seed)
  if (bytes?.length !== 32)
    throw new HoldpointError('INVALID_CONFIG', 'signing key: expected a seed of 32 bytes in base64url')
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, bytes]), format: 'der', type: 'pkcs8' })
  const x = createPublicKey(key).export({ format: 'jwk' }).x as string
  const kid = thumbprint(x)
  return {
    kid,
    x,
    sign: (message) => sign(null, typeof message === 'string' ? Buffer.from(message) : message, key),
    toJSON: () => ({ kid, x }),
  }
}

/** A compact JWS (RFC 7515) with the headers `alg`, `typ` and `kid` and the payload's canonical bytes. */
export function signDocument(typ: Typ, payload: object, key: PrivateKey): string {
  const header = encode(canonicalize({ alg: 'EdDSA', typ, kid: key.kid }))
  const signed = `${header}.${encode(canonicalize(payload))}`
  return `${signed}.${Buffer.from(key.sign(signed)).toString('base64url')}`
}

const encode = (text: string): string => Buffer.from(text).toString('base64url')

/** What stands before the seed in a PrivateKeyInfo (RFC 8410, 7). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
