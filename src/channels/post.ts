import { lookup } from 'node:dns/promises'
import { type ClientRequest, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { HoldpointError } from '#contract'
import type { AddressRules } from './address.ts'

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<string[]>

export const resolveBySystem: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address)

export interface Post {
  url: string
  headers: Record<string, string>
  body: string
}

export interface PostReply {
  status: number
  retryAfter: string | undefined
}

interface PostDeps {
  rules: AddressRules
  resolve: Resolve
  /** Aborted when it has taken too long, or nobody waits for it any more. */
  signal: AbortSignal
}

/**
 * One POST to an address that was checked, and to no other: names are resolved here, every answer is checked, and
 * the connection goes to what was checked, so that a second answer of DNS changes nothing (rebinding). Redirects
 * are not followed, the answer's body is not read, proxies of the environment are not asked.
 * Throws ADDRESS_REFUSED; UNAVAILABLE where nobody answers.
 */
export async function post({ url, headers, body }: Post, deps: PostDeps): Promise<PostReply> {
  const target = new URL(url)
  const addresses = await checkedAddresses(target, deps)
  const content = Buffer.from(body)
  const options = {
    method: 'POST',
    headers: { ...headers, 'content-length': String(content.length) },
    lookup: answerWith(addresses),
    // A connection of its own: a pooled one was checked for another request, and the shared agent may know a proxy.
    agent: false as const,
    signal: deps.signal,
  }
  const request = target.protocol === 'https:' ? requestHttps(target, options) : requestHttp(target, options)
  request.end(content)
  return replyTo(request)
}

/** Every address that the URL's host has, each of them good to send to. */
async function checkedAddresses(
  { hostname, protocol, username, password }: URL,
  { rules, resolve, signal }: PostDeps,
): Promise<string[]> {
  if (username || password) throw refused(`${hostname}: a URL with credentials in it`)
  const host = hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host) ? [host] : await unlessAborted(resolve(host), signal)
  if (addresses.length === 0)
    throw new HoldpointError('UNAVAILABLE', `${host} has no address`, { retryable: true })
  for (const address of addresses) {
    rules.check(address, host)
    if (protocol !== 'https:' && !rules.isAllowed(address))
      throw refused(`${host} at ${address}: without TLS, only to addresses that \`allow\` names`)
  }
  return addresses
}

const refused = (why: string): HoldpointError => new HoldpointError('ADDRESS_REFUSED', why)

/** Answers a socket's question for the host with what has been checked. */
const answerWith =
  (addresses: readonly string[]): LookupFunction =>
  (_host, options, callback) => {
    const entries = addresses.map((address) => ({ address, family: isIP(address) }))
    const [first] = entries
    if (options.all) callback(null, entries)
    else if (first) callback(null, first.address, first.family)
  }

const replyTo = (request: ClientRequest): Promise<PostReply> =>
  new Promise((resolve, reject) => {
    request.once('response', (response) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] })
      // However much more there is: whoever answers must not be able to keep us reading.
      response.on('error', () => {})
      response.destroy()
    })
    const fail = (cause?: Error & { code?: string }): void =>
      reject(
        new HoldpointError('UNAVAILABLE', `no answer: ${cause?.code ?? cause?.message ?? 'cut off'}`, {
          cause,
          retryable: true,
        }),
      )
    request.on('error', fail)
    request.once('close', () => fail())
  })

const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(
        new HoldpointError('UNAVAILABLE', 'the host name cannot be resolved', { cause, retryable: true }),
      )
    if (signal.aborted) fail(signal.reason)
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    work.then(resolve, fail)
  })
