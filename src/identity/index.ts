export { createDevelopmentIssuer, DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER, type DevelopmentIssuer } from './development.ts'
export { createIdentity, type Identity, type TrustedIssuer } from './identity.ts'
export { groupSpecifier, type Person, subjectSpecifier } from './person.ts'
export { readSession, saveSession, sessionFile } from './session.ts'
