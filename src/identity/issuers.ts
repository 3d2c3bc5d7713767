import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { HoldpointError } from '#contract'
import type { Config } from '#runtime'
import { isLoopback } from './fetch.ts'
import type { SignInIssuer } from './types.ts'

/**
 * The configured issuers at which people can sign in: those with a `clientId`. A `clientSecretFile` is read here,
 * relative to `cwd`. Throws INVALID_CONFIG.
 */
export function signInIssuers({ identity }: Pick<Config, 'identity'>, cwd: string): SignInIssuer[] {
  return identity.issuers.flatMap(({ clientId, clientSecret, clientSecretFile, ...issuer }, index) => {
    const key = `identity.issuers[${index}]`
    const hasSecret = clientSecret !== undefined || clientSecretFile !== undefined
    if (clientId === undefined) {
      if (hasSecret)
        throw new HoldpointError('INVALID_CONFIG', `${key}: a secret without a clientId, expected both`)
      return []
    }
    if (clientSecret !== undefined && clientSecretFile !== undefined)
      throw new HoldpointError('INVALID_CONFIG', `${key}: clientSecret and clientSecretFile, expected one`)
    const secret =
      clientSecretFile === undefined
        ? clientSecret
        : readSecret(resolve(cwd, clientSecretFile), `${key}.clientSecretFile`)
    return [{ ...issuer, clientId, ...(secret === undefined ? {} : { clientSecret: secret }) }]
  })
}

function readSecret(file: string, key: string): string {
  try {
    const secret = readFileSync(file, 'utf8').trim()
    if (secret !== '') return secret
  } catch (cause) {
    throw new HoldpointError('INVALID_CONFIG', `${key}: ${file} cannot be read`, { cause })
  }
  throw new HoldpointError('INVALID_CONFIG', `${key}: ${file} is empty, expected a secret`)
}

/** Why the development issuer may not run with this configuration; undefined where it may. */
export function developmentRefusal({
  identity,
  http,
}: Pick<Config, 'identity' | 'http'>): string | undefined {
  if (identity.issuers.length > 0)
    return `identity.issuers: ${identity.issuers[0]?.issuer}, expected none beside made-up people`
  if (!isLoopback(http.host))
    return `http.host: ${http.host}, expected 127.0.0.1, localhost or ::1: made-up people sign in on this machine only`
  const { hostname } = new URL(http.url ?? 'http://127.0.0.1')
  if (!isLoopback(hostname))
    return `http.url: ${http.url}, expected an address of this machine: made-up people sign in on it only`
  return undefined
}
