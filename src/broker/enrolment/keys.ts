import { randomBytes } from 'node:crypto'
import { type KeySet, type KeyUse, TYP } from '#contract'
import { createTrust } from '#warrant'
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

/** Makes whatever key is missing, and a key set that names them. Keeps what is there. */
export function ensureKeys(home: Home, origin: string, nowMs: number): KeySet {
  for (const file of [FILES.organisation, ...ROLE_KEYS.map(([, file]) => file)])
    if (!home.has(file)) home.write(file, generateKey().seed)
  if (!home.has(FILES.brokerSecret)) home.write(FILES.brokerSecret, randomBytes(32).toString('base64url'))

  const organisation = readKey(home, FILES.organisation)
  home.write(FILES.pin, `ed25519:${organisation.x}`)
  const keys = ROLE_KEYS.map(([use, file]) => {
    const { kid, x } = readKey(home, file)
    return { kid, use, x }
  })
  const present = home.has(FILES.keySet) ? readKeySet(home, nowMs) : undefined
  const current =
    present && JSON.stringify(present.keys) === JSON.stringify(keys) && present.origin === origin
  if (present && current && present.exp * 1000 > nowMs + RENEW_BEFORE_S * 1000) return present

  const iat = Math.floor(nowMs / 1000)
  const version = (present?.version ?? 0) + 1
  const keySet: KeySet = { v: 1, origin, version, iat, exp: iat + KEY_SET_LIFE_S, keys }
  home.write(FILES.keySet, signDocument(TYP.keySet, keySet, organisation))
  return keySet
}

/** The key set in the data folder, verified against the data folder's pin. */
export function readKeySet(home: Home, nowMs: number): KeySet {
  const trust = createTrust({ pin: readPin(home) }, { now: () => nowMs })
  return trust.adoptKeySet(home.read(FILES.keySet))
}

export const readKey = (home: Home, file: string): PrivateKey => loadKey(home.read(file).trim())
export const readPin = (home: Home): string => home.read(FILES.pin).trim()
