import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { HoldpointError } from '#contract'

/** The one passphrase of all development people: whoever can read this file is this machine's user. */
export const passphraseFile = (dir: string): string => join(dir, 'passphrase')

export function ensurePassphrase(dir: string): void {
  ensureSecret(passphraseFile(dir), makePassphrase)
}

/** Empty where a crash left the file empty: that is no passphrase that everybody knows. */
export const readPassphrase = (dir: string): string => {
  const file = passphraseFile(dir)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new HoldpointError('NOT_FOUND', `${file} cannot be read`, { cause })
  }
}

/** Four groups of four hexadecimal digits: 64 bits, and still typed on a phone. */
const makePassphrase = (): string =>
  randomBytes(8)
    .toString('hex')
    .replace(/(....)(?=.)/g, '$1-')

/** The private key, EdDSA. It outlives a restart, so that people stay signed in. */
export async function ensureKey(dir: string): Promise<JWK> {
  const file = join(dir, 'issuer.jwk')
  if (!existsSync(file)) {
    const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    const jwk = { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString('hex') }
    ensureSecret(file, () => JSON.stringify(jwk))
  }
  return { ...(JSON.parse(readFileSync(file, 'utf8')) as JWK), use: 'sig', alg: 'EdDSA' }
}

function ensureSecret(file: string, make: () => string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600 })
}
