import type { Context } from 'hono'
import { digestBytes, digestHex } from '#contract'

/** Answers with these bytes, or 304 where the client has them (RFC 9110, 13.1.2). */
export function answerTagged(c: Context, bytes: string, type: string): Response {
  const tag = `"${digestHex(digestBytes(bytes))}"`
  c.header('etag', tag)
  const known = (c.req.header('if-none-match') ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  if (known.includes(tag) || known.includes('*')) return c.body(null, 304)
  return c.body(bytes, 200, { 'content-type': type })
}
