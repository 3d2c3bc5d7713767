import { createHash, createHmac, randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { Log } from '#runtime'
import { personOf } from './claims.ts'
import { expiryMs, RENEW_AHEAD_MS } from './expiry.ts'
import type { Person } from './person.ts'
import type { Session, Sessions, SignIn, Tokens } from './types.ts'

export interface SessionsConfig {
  /** Without a page asked for, a session ends. Default 8 h. */
  idleMs?: number
  /** Whatever happens, it ends. Default 12 h. */
  maxMs?: number
  /** At once; then the one idle for longest ends. Default 10,000. */
  most?: number
}

interface Entry {
  person: Person
  tokens: Tokens
  browser: string
  openedMs: number
  seenMs: number
  /** The renewal under way, which all requests of this session share. */
  renewing?: Promise<void>
  renewAfterMs: number
}

const HOUR_MS = 3_600_000
/** Between two tries at an issuer that does not answer. */
const RENEW_PAUSE_MS = 10_000

/** Sessions live in this process. Whoever reads its memory dump or log finds no cookie: only digests are kept. */
export function createSessions(
  { idleMs = 8 * HOUR_MS, maxMs = 12 * HOUR_MS, most = 10_000 }: SessionsConfig,
  { now, signIn, log }: { now: () => number; signIn: Pick<SignIn, 'refresh'>; log: Log },
): Sessions {
  // In the order of last use: the first is idle for longest.
  const entries = new Map<string, Entry>()
  const csrfKey = randomBytes(32)
  const endOf = ({ openedMs, seenMs }: Entry): number => Math.min(openedMs + maxMs, seenMs + idleMs)

  return {
    open({ person, tokens }, browser) {
      for (const [key, entry] of entries) if (endOf(entry) <= now()) entries.delete(key)
      for (const key of entries.keys()) {
        if (entries.size < most) break
        entries.delete(key)
      }
      // Always a new one: an identifier that the browser brought along is never taken over (session fixation).
      const id = randomBytes(32).toString('base64url')
      const at = now()
      entries.set(digest(id), {
        person,
        tokens,
        browser: digest(browser),
        openedMs: at,
        seenMs: at,
        renewAfterMs: 0,
      })
      return id
    },

    find: (id, browser) => look(id, browser, true),
    peek: (id, browser) => look(id, browser, false),

    close(id) {
      entries.delete(digest(id))
    },
  }

  async function look(id: string, browser: string, isUse: boolean): Promise<Session | undefined> {
    const key = digest(id)
    const entry = entries.get(key)
    if (!entry) return undefined
    if (entry.browser !== digest(browser)) {
      log.warn('a session came from another browser and was ended: its cookie may have been stolen', {
        person: `${entry.person.iss}#${entry.person.sub}`,
      })
      entries.delete(key)
      return undefined
    }
    if (endOf(entry) <= now()) {
      entries.delete(key)
      return undefined
    }
    if (expiryMs(entry.tokens) - RENEW_AHEAD_MS <= now()) {
      entry.renewing ??= renew(entry).finally(() => delete entry.renewing)
      await entry.renewing
    }
    // Signed out, or ended from elsewhere, while the issuer was asked.
    if (entries.get(key) !== entry) return undefined
    if (expiryMs(entry.tokens) <= now()) {
      entries.delete(key)
      return undefined
    }
    if (isUse) {
      entries.delete(key)
      entry.seenMs = now()
      entries.set(key, entry)
    }
    return {
      person: entry.person,
      token: entry.tokens.idToken,
      csrf: createHmac('sha256', csrfKey).update(key).digest('base64url'),
      expiresAtMs: endOf(entry),
    }
  }

  /** Leaves the old tokens where there are no new ones: they are good until they expire. */
  async function renew(entry: Entry): Promise<void> {
    const { tokens, person } = entry
    if (tokens.refreshToken === undefined || entry.renewAfterMs > now()) return
    try {
      const renewed = await signIn.refresh(tokens)
      if (renewed === undefined) {
        entry.tokens = { idToken: tokens.idToken }
        return
      }
      const claims = decodeJwt(renewed.idToken)
      if (claims.iss !== person.iss || claims.sub !== person.sub) {
        log.error('an issuer renewed a session with another person’s token', { iss: person.iss })
        entry.tokens = { idToken: tokens.idToken }
        return
      }
      entry.tokens = renewed
      // Groups and names change.
      entry.person = personOf(claims, person.iss)
    } catch (error) {
      entry.renewAfterMs = now() + RENEW_PAUSE_MS
      log.warn('a session could not be renewed', { iss: person.iss, error })
    }
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')
