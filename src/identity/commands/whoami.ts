import { decodeJwt } from 'jose'
import { visibleLine } from '#contract'
import { type Command, defineCommand, readConfig } from '#runtime'
import { createIdentity, type TrustedIssuer } from '../identity.ts'
import { readSession, terminalIssuers } from '../read-session.ts'

export const whoamiCommand: Command = defineCommand({
  name: 'whoami',
  summary: 'Show who is signed in at this terminal, as the broker sees them',
  example: 'holdpoint whoami --json',
  options: { json: { type: 'boolean', description: 'One JSON object' } },
  async run({ options }, io) {
    const config = readConfig(io)
    const token = await readSession(io, config.dataDir)
    const configured = config.identity.issuers as readonly TrustedIssuer[]
    const issuers = configured.length > 0 ? configured : terminalIssuers(config, io.cwd)
    const { iss, sub, name, groups } = await createIdentity({ issuers }, io).verifyToken(token)
    const expiresAt = new Date((decodeJwt(token).exp ?? 0) * 1000).toISOString()
    if (options.json) {
      io.stdout.write(`${JSON.stringify({ iss, sub, name, groups, expiresAt })}\n`)
      return 0
    }
    const lines: [string, string][] = [
      ['Name', visibleLine(name)],
      ['Subject', visibleLine(sub)],
      ['Issuer', iss],
      ['Groups', groups.map(visibleLine).join('\n            ')],
      ['Expires', expiresAt],
    ]
    io.stdout.write(lines.map(([label, value]) => `${label.padEnd(12)}${value}\n`).join(''))
    return 0
  },
})
