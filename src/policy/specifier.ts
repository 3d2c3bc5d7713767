import type { Principal } from '#contract'

/** Who belongs to a group: everybody whom an issuer puts into one of its groups, or one subject. */
export type Specifier = { iss: string } & ({ group: string } | { sub: string })

/** `oidc:<issuer>#group/<name>` or `oidc:<issuer>#sub/<subject>`. An issuer has neither query nor fragment. */
export const SPECIFIER = /^oidc:(https?:\/\/[^\s#?]+)#(group|sub)\/(\S(?:.*\S)?)$/

export function parseSpecifier(text: string): Specifier | undefined {
  const [, iss, kind, name] = SPECIFIER.exec(text) ?? []
  if (iss === undefined || name === undefined) return undefined
  return kind === 'sub' ? { iss, sub: name } : { iss, group: name }
}

/** The same pair always gives the same text, and no two pairs share one. */
export const principalKey = ({ iss, sub }: Principal): string => JSON.stringify([iss, sub])
