import { HoldpointError } from '#contract'

const MAX_BYTES = 2 ** 20
const TIMEOUT_MS = 5_000
const WITHOUT_BODY = new Set([204, 205, 304])

/**
 * A fetch for what identity providers answer: over https alone, never redirected, and bounded in time and size.
 * Throws INVALID_CONFIG for an address it does not go to, and UNAVAILABLE.
 */
export async function fetchBounded(address: string | URL, init: RequestInit = {}): Promise<Response> {
  const url = secure(String(address))
  const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(init.signal ? [init.signal] : [])])
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal })
    const body = await read(response)
    const { status, statusText, headers } = response
    return new Response(WITHOUT_BODY.has(status) ? null : body, { status, statusText, headers })
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    throw new HoldpointError('UNAVAILABLE', `the identity provider at ${url.origin} does not answer`, {
      cause,
      retryable: true,
    })
  }
}

async function read(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BYTES)
      throw new HoldpointError(
        'UNAVAILABLE',
        `the identity provider answers with more than ${MAX_BYTES} bytes`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What comes over plain HTTP is anybody's word; only this machine itself is close enough. */
export function secure(address: string): URL {
  const url = URL.parse(address)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  throw new HoldpointError('INVALID_CONFIG', `identity.issuers: ${JSON.stringify(address)}, expected https`)
}

export const isLoopback = (host: string): boolean => ['127.0.0.1', '[::1]', '::1', 'localhost'].includes(host)
