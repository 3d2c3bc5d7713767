import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const PREFIX = 'whsec_'

/**
 * The secret that an endpoint and Holdpoint share (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64.
 * Both directions are signed with it.
 */
export const isSecret = (text: string): boolean => {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const bytes = Buffer.from(base64, 'base64')
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === base64
}

export const newSecret = (): string => `${PREFIX}${randomBytes(32).toString('base64')}`

/** The envelope of a message, as its headers say it. */
export interface Envelope {
  id: string
  /** Seconds since 1970. */
  timestamp: number
}

/** Headers of a message: whoever has the secret can check them, and nobody else can make them. */
export function sign(secret: string, { id, timestamp }: Envelope, body: string): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature(secret, { id, timestamp }, body),
  }
}

/** True if one of the signatures (`v1,…`, with blanks between) is over exactly this, in time that tells nothing. */
export function isSigned(secret: string, envelope: Envelope, body: string, signatures: string): boolean {
  const expected = Buffer.from(signature(secret, envelope, body))
  // All of them are compared: which one fits is nobody's business either.
  return signatures
    .split(' ')
    .slice(0, MOST_SIGNATURES)
    .map((one) => isSame(Buffer.from(one), expected))
    .includes(true)
}

/** While a secret is being replaced a sender signs with the old and the new one; nobody needs many. */
const MOST_SIGNATURES = 10

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)

/** HMAC-SHA256 over id, time and body. By Node, since a card of a megabyte would keep a JavaScript one busy. */
function signature(secret: string, { id, timestamp }: Envelope, body: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
}
