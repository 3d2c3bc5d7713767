import type { Context, Next } from 'hono'
import { CHALLENGE, HttpRefusal } from './problem.ts'

/** The same for every answer, errors too. No CORS header on any: no page of another origin may read one. */
const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

const TOKEN_PARAMETERS = ['token', 'access_token', 'id_token']

export async function keepSafe(c: Context, next: Next): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
  c.header('cache-control', 'no-store')
  refuseTokenInAddress(c)
  await next()
}

function refuseTokenInAddress(c: Context): void {
  const given = new URL(c.req.url).searchParams
  const name = TOKEN_PARAMETERS.find((one) => given.has(one))
  if (name !== undefined)
    throw new HttpRefusal(
      'INVALID_INPUT',
      `the query: ${name} is not shown, expected the token in the header Authorization; sign in again, since addresses are kept in logs`,
      { headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_request"` } },
    )
}
