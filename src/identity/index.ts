import type { Command } from '#runtime'
import { loginCommand } from './commands/login.ts'
import { logoutCommand } from './commands/logout.ts'
import { whoamiCommand } from './commands/whoami.ts'

/** `holdpoint login`, `logout` and `whoami`. */
export const identityCommands: Command[] = [loginCommand, logoutCommand, whoamiCommand]

export { createDevelopmentIssuer, type DevelopmentIssuer } from './development/issuer.ts'
export { DEVELOPMENT_ISSUER, DEVELOPMENT_PEOPLE, developmentIssuerAt } from './development/people.ts'
export { type DeviceDeps, type DevicePrompt, signInByDevice } from './device.ts'
export { createIdentity, type Identity, type TrustedIssuer } from './identity.ts'
export { developmentRefusal, signInIssuers } from './issuers.ts'
export { localPath } from './local-path.ts'
export { groupSpecifier, type Person, subjectSpecifier } from './person.ts'
export { readSession } from './read-session.ts'
export { saveSession, sessionFile } from './session-file.ts'
export { createSessions, type SessionsConfig } from './sessions.ts'
export { createSignIn, type SignInConfig } from './sign-in.ts'
export { signInAs } from './sign-in-as.ts'
export type { Session, Sessions, SignIn, SignInIssuer, Tokens } from './types.ts'
