import type { Assurance, NamedPrincipal } from '#contract'

/** Somebody signed in, as far as a verified token says. Two are the same when (iss, sub) are. */
export interface Person extends NamedPrincipal {
  /** As policies write them: `oidc:<iss>#group/<name>`, and for everybody `oidc:<iss>#sub/<sub>`. */
  groups: string[]
  assurance: Assurance
  acr?: string
  amr?: string[]
  /** Seconds since the epoch. */
  authTime?: number
  /** A service account or a bot: it may sign in, and it never reviews. */
  service: boolean
}

export const groupSpecifier = (iss: string, group: string): string => `oidc:${iss}#group/${group}`
export const subjectSpecifier = (iss: string, sub: string): string => `oidc:${iss}#sub/${sub}`
