import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

/**
 * `__Host-` binds a cookie to this host and to https: no neighbour below the same domain can set one. Without https,
 * which only loopback goes without, browsers refuse that name.
 */
export function createCookies(publicUrl: () => string) {
  const isSecure = (): boolean => publicUrl().startsWith('https:')
  const name = (word: string): string => `${isSecure() ? '__Host-' : ''}${word}`
  // Lax, since people come back from the issuer, and by links out of chats.
  const options = () => ({ path: '/', httpOnly: true, secure: isSecure(), sameSite: 'Lax' as const })
  const cookie = (word: string, maxAge?: number) => ({
    read: (c: Context): string | undefined => getCookie(c, name(word)),
    write: (c: Context, value: string): void =>
      setCookie(c, name(word), value, { ...options(), ...(maxAge === undefined ? {} : { maxAge }) }),
    clear: (c: Context): void => void deleteCookie(c, name(word), options()),
  })
  return {
    /** Ends with the browser; the session itself ends sooner or later by its own clock. */
    session: cookie('holdpoint'),
    /** A sign-in under way. */
    pending: cookie('holdpoint-sign-in', 600),
  }
}
export type Cookies = ReturnType<typeof createCookies>
