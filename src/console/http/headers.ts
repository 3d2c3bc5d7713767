import type { MiddlewareHandler } from 'hono'

/** What a page may do. Nothing comes from elsewhere, nothing is inline, and nobody may put it into a frame. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  // One policy, made by our own script for markup that this console has sent it.
  "require-trusted-types-for 'script'",
  'trusted-types console',
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_POLICY,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  // Not no-referrer: some browsers then send our own forms with `Origin: null`.
  'referrer-policy': 'same-origin',
  'permissions-policy':
    'camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), display-capture=()',
  'x-robots-tag': 'noindex, nofollow',
}

/** On every answer, errors included. */
export const securityHeaders =
  (publicUrl: () => string): MiddlewareHandler =>
  async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value)
    if (publicUrl().startsWith('https:'))
      c.res.headers.set('strict-transport-security', 'max-age=63072000; includeSubDomains')
    // A shared computer: the back button must not show the last person's cards.
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
  }
