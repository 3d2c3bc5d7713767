import { HoldpointError } from '#contract'
import {
  developmentIssuerAt,
  developmentRefusal,
  type SignInIssuer,
  signInIssuers,
  type TrustedIssuer,
} from '#identity'
import { type Config, readRunning } from '#runtime'

/**
 * Whose tokens count: the configured issuers, or the development sign-in that runs from this data folder. Throws
 * INVALID_CONFIG where that one is refused.
 */
export function trustedIssuers(config: Config): readonly TrustedIssuer[] {
  const configured = config.identity.issuers as readonly TrustedIssuer[]
  return configured.length > 0 ? configured : developmentIssuers(config)
}

/** Where people sign in at the console. Throws INVALID_CONFIG where nobody could. */
export function issuersForSignIn(config: Config, cwd: string): readonly SignInIssuer[] {
  const issuers = config.identity.issuers.length > 0 ? signInIssuers(config, cwd) : developmentIssuers(config)
  if (issuers.length > 0) return issuers
  throw new HoldpointError(
    'INVALID_CONFIG',
    'identity.issuers: nobody could sign in; name an issuer with a clientId',
  )
}

/** Throws INVALID_CONFIG where made-up people could be met by anybody but this machine's user. */
export function refuseDevelopment(config: Config): void {
  const refusal = developmentRefusal(config)
  if (refusal !== undefined)
    throw new HoldpointError('INVALID_CONFIG', `the development sign-in is refused: ${refusal}`)
}

function developmentIssuers(config: Config): SignInIssuer[] {
  const development = readRunning(config.dataDir)?.identity
  if (!development) return []
  // A console started beside it may be open to a network to which it is not.
  refuseDevelopment(config)
  return [developmentIssuerAt(development.url)]
}
