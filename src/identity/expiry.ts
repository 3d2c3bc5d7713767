import { decodeJwt } from 'jose'
import type { Tokens } from './types.ts'

/** When the ID token ends, in milliseconds since the epoch; 0 for a text that is none. Verified elsewhere. */
export function expiryMs({ idToken }: Tokens): number {
  try {
    return (decodeJwt(idToken).exp ?? 0) * 1000
  } catch {
    return 0
  }
}

/** A token that goes on its way must still be good when it arrives. */
export const RENEW_AHEAD_MS = 60_000
