import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { check, HoldpointError, object, optional, text } from '#contract'
import { expiryMs } from './expiry.ts'
import type { Tokens } from './types.ts'

/** Where the command line keeps its sign-in: in the data folder, readable by its owner alone. */
export const sessionFile = (dataDir: string): string => join(dataDir, 'session.json')

const token = text({ min: 1, max: 100_000 })
const session = object({ idToken: token, refreshToken: optional(token) })

/** Whole or not at all, whoever else reads or writes it at the same time. */
export function saveSession(dataDir: string, tokens: Tokens): void {
  const file = sessionFile(dataDir)
  const draft = `${file}.${process.pid}`
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  rmSync(draft, { force: true })
  writeFileSync(draft, JSON.stringify(tokens), { mode: 0o600, flag: 'wx' })
  renameSync(draft, file)
}

/** What `holdpoint login` saved; undefined where nobody is signed in. Throws UNAUTHENTICATED for anything else. */
export function loadSession(dataDir: string): Tokens | undefined {
  const file = sessionFile(dataDir)
  let written: string
  try {
    written = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(file, cause)
  }
  try {
    const checked = check(session, JSON.parse(written))
    if (checked.ok && expiryMs(checked.value as Tokens) > 0) return checked.value as Tokens
  } catch (cause) {
    throw unreadable(file, cause)
  }
  throw unreadable(file)
}

export const removeSession = (dataDir: string): void => rmSync(sessionFile(dataDir), { force: true })

const unreadable = (file: string, cause?: unknown): HoldpointError =>
  new HoldpointError('UNAUTHENTICATED', `${file} is no saved sign-in: run \`holdpoint login\` again`, {
    cause,
  })
