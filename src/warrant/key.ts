import { createPublicKey, hash, verify } from 'node:crypto'
import { HoldpointError } from '#contract'

/** A public key that is ready to check signatures with: making one costs as much as using it. */
export interface VerifyKey {
  kid: string
  verify(bytes: Uint8Array, signature: Uint8Array): boolean
}

/** Ed25519 (RFC 8032) from `x`, base64url of 32 bytes; throws INVALID_INPUT for any other text. */
export function createVerifyKey(x: string): VerifyKey {
  if (decodeBase64url(x)?.length !== 32)
    throw new HoldpointError(
      'INVALID_INPUT',
      `Ed25519 key: found ${JSON.stringify(x)}, expected 32 bytes in base64url`,
    )
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return {
    kid: thumbprint(x),
    verify: (bytes, signature) => signature.length === 64 && verify(null, bytes, key, signature),
  }
}

/** RFC 7638 over the RFC 8037 members, in base64url. */
export const thumbprint = (x: string): string =>
  hash('sha256', `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`, 'base64url')

const PIN_PREFIX = 'ed25519:'

/** How the organisation key is written where it is pinned. */
export const formatPin = (x: string): string => PIN_PREFIX + x

/** Throws INVALID_CONFIG: a pin that cannot be read must stop the start, not the first approval. */
export function readPin(pin: string): VerifyKey {
  try {
    if (!pin.startsWith(PIN_PREFIX))
      throw new HoldpointError('INVALID_INPUT', `it does not begin with ${PIN_PREFIX}`)
    return createVerifyKey(pin.slice(PIN_PREFIX.length))
  } catch (cause) {
    throw new HoldpointError(
      'INVALID_CONFIG',
      `pin: found ${JSON.stringify(pin)}, expected ${PIN_PREFIX} and 32 bytes in base64url`,
      { cause },
    )
  }
}

/** Strict: padding, whitespace, the other alphabet and set spare bits are all other spellings of the same bytes. */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
