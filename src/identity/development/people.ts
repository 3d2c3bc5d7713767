import type { SignInIssuer } from '../types.ts'

/** A name that no network resolves: nobody can mistake these people for an organisation's. */
export const DEVELOPMENT_ISSUER = 'https://development.holdpoint.invalid'
/** The one client of the development issuer, and so the audience of its ID tokens. */
export const DEVELOPMENT_CLIENT = 'holdpoint'

export interface DevelopmentPerson {
  sub: string
  name: string
  groups: readonly string[]
}

/** Alice owns the agents; Bob and Carol may release what they hold. */
export const PEOPLE: readonly DevelopmentPerson[] = [
  { sub: 'alice', name: 'Alice Adler', groups: ['developers'] },
  { sub: 'bob', name: 'Bob Berger', groups: ['sre', 'data-owners'] },
  { sub: 'carol', name: 'Carol Chen', groups: ['sre', 'data-owners', 'security-oncall'] },
]
export const DEVELOPMENT_PEOPLE: readonly string[] = PEOPLE.map(({ sub }) => sub)

/** How everybody is told of the development people whose sign-in runs at `url`. */
export const developmentIssuerAt = (url: string): SignInIssuer => ({
  issuer: DEVELOPMENT_ISSUER,
  audience: DEVELOPMENT_CLIENT,
  clientId: DEVELOPMENT_CLIENT,
  jwksUri: `${url}/jwks.json`,
  discoveryUrl: `${url}/.well-known/openid-configuration`,
  label: 'Development sign-in (made-up people)',
})
