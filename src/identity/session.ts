import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HoldpointError } from '#contract'

/** Where the command line keeps its sign-in: in the data folder, readable by its owner alone. */
export const sessionFile = (dataDir: string): string => join(dataDir, 'session')

export function saveSession(dataDir: string, token: string): void {
  const file = sessionFile(dataDir)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, token, { mode: 0o600 })
  chmodSync(file, 0o600)
}

/** `HOLDPOINT_TOKEN`, or what `holdpoint login` saved. Throws UNAUTHENTICATED, saying how to sign in. */
export function readSession(dataDir: string, env: NodeJS.ProcessEnv): string {
  if (env.HOLDPOINT_TOKEN) return env.HOLDPOINT_TOKEN.trim()
  if (existsSync(sessionFile(dataDir))) return readFileSync(sessionFile(dataDir), 'utf8').trim()
  throw new HoldpointError(
    'UNAUTHENTICATED',
    'not signed in: `holdpoint login PERSON`, or set HOLDPOINT_TOKEN',
  )
}
