import { randomBytes } from 'node:crypto'
import { HoldpointError, type KeySet, type KeyUse, TYP } from '#contract'
import { createTrust, formatPin } from '#warrant'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { FILES, type Home } from './home.ts'

const DAY_S = 86_400
/** A key set is made anew well before it expires, so that a forgotten one never stops the house at night. */
const KEY_SET_LIFE_S = 365 * DAY_S
export const RENEW_BEFORE_S = 30 * DAY_S

const ROLE_KEYS: readonly [KeyUse, string][] = [
  ['broker', FILES.brokerKey],
  ['ledger', FILES.ledgerKey],
  ['policy', FILES.policyKey],
  ['registry', FILES.registryKey],
]

/**
 * Makes whatever key is missing, and a key set that names them. Keeps what is there. The organisation key is made
 * once, with the pin: afterwards it may lie in a safe, and is only needed where a key set has to be signed.
 * Throws NOT_FOUND where it is needed and away, UNTRUSTED where it is not the pinned one.
 */
export function ensureKeys(home: Home, newOrigin: string, nowMs: number): KeySet {
  if (!home.has(FILES.pin)) {
    if (!home.has(FILES.organisation)) home.write(FILES.organisation, generateKey().seed)
    home.write(FILES.pin, formatPin(readKey(home, FILES.organisation).x))
  }
  for (const [, file] of ROLE_KEYS) if (!home.has(file)) home.write(file, generateKey().seed)
  if (!home.has(FILES.brokerSecret)) home.write(FILES.brokerSecret, randomBytes(32).toString('base64url'))

  const keys = ROLE_KEYS.map(([use, file]) => {
    const { kid, x } = readKey(home, file)
    return { kid, use, x }
  })
  const present = home.has(FILES.keySet) ? readOwn<KeySet>(home, FILES.keySet) : undefined
  // Registrations, policies and the ledger name it: it stays.
  const origin = present?.origin ?? newOrigin
  const isSame = present && JSON.stringify(present.keys) === JSON.stringify(keys)
  const leftMs = isSame ? present.exp * 1000 - nowMs : 0
  if (leftMs > RENEW_BEFORE_S * 1000 || (leftMs > 0 && !home.has(FILES.organisation)))
    return readKeySet(home, nowMs)

  const iat = Math.floor(nowMs / 1000)
  const version = (present?.version ?? 0) + 1
  const keySet: KeySet = { v: 1, origin, version, iat, exp: iat + KEY_SET_LIFE_S, keys }
  home.write(FILES.keySet, signDocument(TYP.keySet, keySet, organisationKey(home, 'a new key set')))
  return keySet
}

/** `what` is to be signed with it. Throws NOT_FOUND where it is in its safe, UNTRUSTED where it is not the pinned one. */
export function organisationKey(home: Home, what: string): PrivateKey {
  if (!home.has(FILES.organisation))
    throw new HoldpointError(
      'NOT_FOUND',
      `${home.path(FILES.organisation)} is away, and ${what} has to be signed with it: bring it back for that`,
    )
  const key = readKey(home, FILES.organisation)
  if (formatPin(key.x) === readPin(home)) return key
  throw new HoldpointError('UNTRUSTED', `${home.path(FILES.organisation)} is not the key that is pinned`)
}

/** Our own document in our own folder: read even where it has expired, to be signed anew. */
export const readOwn = <T>(home: Home, file: string): T =>
  JSON.parse(Buffer.from(home.read(file).split('.')[1] ?? '', 'base64url').toString('utf8')) as T

/** The key set in the data folder, verified against the data folder's pin. */
export function readKeySet(home: Home, nowMs: number): KeySet {
  const trust = createTrust({ pin: readPin(home) }, { now: () => nowMs })
  return trust.adoptKeySet(home.read(FILES.keySet))
}

export const readKey = (home: Home, file: string): PrivateKey => loadKey(home.read(file).trim())
export const readPin = (home: Home): string => home.read(FILES.pin).trim()
