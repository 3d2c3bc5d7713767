/**
 * When the token ends, in milliseconds since the epoch. Read without looking at the signature, which the broker has
 * verified; undefined where it does not say, and then the broker is asked again and again.
 */
export function expiryMsOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const { exp } = claims as { exp?: unknown }
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}
