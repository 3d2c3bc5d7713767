import { createHash } from 'node:crypto'
import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import { createWatch, readConfigured } from './files.ts'

/** Who may send: whoever shows one of the tokens in a file. */
export interface Tokens {
  /** Reads the file. Throws INVALID_CONFIG with its path and the line that cannot be used. */
  load(): void
  /**
   * Reads the file again where it has changed. Throws UNAUTHENTICATED, or a retryable UNAVAILABLE while the file
   * cannot be used: then nobody gets in, and nothing that senders have is lost.
   */
  check(authorization: string | undefined): void
}

const KEY = 'pipeline.tokens'

export function createTokens(path: string, { now, log }: { now: () => number; log: Log }): Tokens {
  const watch = createWatch([path], now)
  let digests: ReadonlySet<string> | undefined

  function load(): void {
    watch.hasChanged()
    digests = undefined
    digests = new Set(parseTokens(readConfigured(KEY, path).toString('utf8'), path).map(digestOf))
  }

  function refresh(): void {
    if (!watch.hasChanged()) return
    try {
      load()
      log.info('senders’ tokens were read again', { path, tokens: digests?.size })
    } catch (error) {
      log.error('senders’ tokens cannot be read, so nobody may send', { error })
    }
  }

  return {
    load,
    check(authorization) {
      refresh()
      if (digests === undefined)
        throw new HoldpointError('UNAVAILABLE', 'no token can be checked now', { retryable: true })
      const token = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
      if (token === undefined)
        throw new HoldpointError('UNAUTHENTICATED', 'a bearer token is needed: authorization: Bearer …')
      // Looked up by its digest, so how long it takes says nothing about how much of a token was right.
      if (!digests.has(digestOf(token)))
        throw new HoldpointError('UNAUTHENTICATED', 'the bearer token is none of those that may send')
    },
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64')

/** RFC 6750; shorter ones can be guessed. */
const TOKEN = /^[A-Za-z0-9\-._~+/]{16,}=*$/
const EXPECTED = 'expected a token of at least 16 of A–Z a–z 0–9 - . _ ~ + /, or a comment after #'

/** One on each line; empty lines and those that begin with # do not count. No error shows any of a token. */
export function parseTokens(text: string, path: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  const wrong = lines.findIndex((line) => line !== '' && !line.startsWith('#') && !TOKEN.test(line))
  if (wrong >= 0)
    throw new HoldpointError('INVALID_CONFIG', `${KEY}: ${path}: line ${wrong + 1} is no token, ${EXPECTED}`)
  const tokens = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (tokens.length === 0)
    throw new HoldpointError('INVALID_CONFIG', `${KEY}: ${path} has no token, expected one on each line`)
  return tokens
}
