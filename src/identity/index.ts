export { loginCommand, signIn } from './command.ts'
export {
  createDevelopmentIssuer,
  DEVELOPMENT_ISSUER,
  DEVELOPMENT_PEOPLE,
  type DevelopmentIssuer,
  developmentIssuerAt,
} from './development.ts'
export { createIdentity, type Identity, type TrustedIssuer } from './identity.ts'
export { groupSpecifier, type Person, subjectSpecifier } from './person.ts'
export { readSession, saveSession, sessionFile } from './session.ts'
export type { Session, Sessions, SignIn, SignInIssuer, Tokens } from './types.ts'
