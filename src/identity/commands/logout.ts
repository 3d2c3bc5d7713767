import { decodeJwt } from 'jose'
import { type Command, defineCommand, type Io, readConfig } from '#runtime'
import { createClient, loadOpenid } from '../client.ts'
import { terminalIssuers } from '../read-session.ts'
import { loadSession, removeSession } from '../session-file.ts'
import type { Tokens } from '../types.ts'

export const logoutCommand: Command = defineCommand({
  name: 'logout',
  summary: 'Forget who signed in at this terminal',
  details: 'Tells the issuer too, where it takes tokens back (RFC 7009). HOLDPOINT_TOKEN is not touched.',
  example: 'holdpoint logout',
  async run(_, io) {
    const { dataDir } = readConfig(io)
    const saved = loadOrForget(dataDir)
    // First here, whatever the issuer answers: this is what was asked for.
    removeSession(dataDir)
    if (saved) await revoke(saved, io)
    io.stdout.write(saved ? 'signed out\n' : 'nobody was signed in\n')
    return 0
  },
})

/** A file that is no sign-in is forgotten as well. */
function loadOrForget(dataDir: string): Tokens | undefined {
  try {
    return loadSession(dataDir)
  } catch {
    return undefined
  }
}

async function revoke({ idToken, refreshToken }: Tokens, io: Io): Promise<void> {
  try {
    const { iss } = decodeJwt(idToken)
    const issuer = terminalIssuers(readConfig(io), io.cwd).find((one) => one.issuer === iss)
    if (!issuer || refreshToken === undefined) return
    const client = await createClient(issuer, io)()
    if (client.serverMetadata().revocation_endpoint === undefined) return
    const openid = await loadOpenid()
    await openid.tokenRevocation(client, refreshToken, { token_type_hint: 'refresh_token' })
  } catch (error) {
    io.stderr.write(`the issuer could not be told: ${(error as Error).message}\n`)
  }
}
