import type { Context } from 'hono'
import { CHALLENGE, HttpRefusal } from './problem.ts'

const LONGEST_TOKEN = 16_384

/**
 * The person's token (RFC 6750, 2.1), which the broker verifies. In the header alone: an address is kept in
 * histories and logs, and a browser sends cookies for pages that are not ours.
 */
export function bearerOf(c: Context): string {
  const header = c.req.header('authorization')
  if (header === undefined || !/^bearer(?: |$)/i.test(header))
    throw new HttpRefusal('UNAUTHENTICATED', 'expected the header Authorization: Bearer TOKEN', {
      headers: { 'www-authenticate': CHALLENGE },
    })
  // Two headers arrive as one with a comma: a proxy might have looked at the other one.
  const token = /^bearer +([\w.~+/-]+=*)$/i.exec(header)?.[1]
  if (token === undefined || token.length > LONGEST_TOKEN)
    throw new HttpRefusal(
      'INVALID_INPUT',
      `the header Authorization is not shown, expected it once, as Bearer and a token of at most ${LONGEST_TOKEN} characters`,
      { headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_request"` } },
    )
  return token
}
