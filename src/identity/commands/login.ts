import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { HoldpointError, visibleLine } from '#contract'
import { type Command, defineCommand, type Io, readConfig } from '#runtime'
import { DEVELOPMENT_ISSUER } from '../development/people.ts'
import { passphraseFile } from '../development/secrets.ts'
import { type DevicePrompt, signInByDevice } from '../device.ts'
import { createIdentity } from '../identity.ts'
import { terminalIssuers } from '../read-session.ts'
import { saveSession } from '../session-file.ts'
import { signInAs } from '../sign-in-as.ts'
import type { SignInIssuer, Tokens } from '../types.ts'

export const loginCommand: Command = defineCommand({
  name: 'login',
  summary: 'Sign in at this terminal',
  details:
    'Shows an address and a code for a browser anywhere, and waits (device flow, RFC 8628). Beside a running\n' +
    '`holdpoint up`, `holdpoint login bob` signs one of its made-up people in at once.',
  example: 'holdpoint login',
  positionals: [
    { name: 'PERSON', description: 'In development: alice, bob or carol, without a browser', optional: true },
  ],
  options: {
    issuer: {
      type: 'string',
      value: 'URL',
      description: 'At which of the configured issuers, where there are several',
    },
    'passphrase-file': {
      type: 'string',
      value: 'FILE',
      description: 'In development: a file with the passphrase (default: the one in the data folder)',
    },
  },
  async run({ options, positionals: [person] }, io) {
    const config = readConfig(io)
    const { dataDir } = config
    const issuer = choose(terminalIssuers(config, io.cwd), options.issuer)
    const file = resolve(io.cwd, options['passphrase-file'] ?? passphraseFile(`${dataDir}/people`))
    const tokens =
      person === undefined
        ? await signInByDevice(issuer, {
            now: io.now,
            sleep,
            signal: io.signal,
            show: show(issuer, file, io),
          })
        : await byPassphrase(issuer, person, file)
    const { name, sub } = await createIdentity({ issuers: [issuer] }, io).verifyToken(tokens.idToken)
    saveSession(dataDir, tokens)
    io.stdout.write(`signed in as ${visibleLine(sub)}${name === sub ? '' : ` (${visibleLine(name)})`}\n`)
    return 0
  },
})

const sleep = (ms: number, options: { signal: AbortSignal }): Promise<void> =>
  setTimeout(ms, undefined, options)

function choose(issuers: SignInIssuer[], wanted: string | undefined): SignInIssuer {
  const found = wanted === undefined ? issuers : issuers.filter(({ issuer }) => issuer === wanted)
  const names = issuers.map(({ issuer }) => issuer).join(', ')
  if (found.length === 1 && found[0]) return found[0]
  if (issuers.length === 0)
    throw new HoldpointError(
      'UNAVAILABLE',
      'nowhere to sign in: start `holdpoint up`, configure identity.issuers with a clientId, or set HOLDPOINT_TOKEN',
    )
  throw new HoldpointError(
    'NOT_FOUND',
    wanted === undefined
      ? `there are several issuers, choose one by --issuer: ${names}`
      : `--issuer ${visibleLine(wanted)}, expected one of ${names}`,
  )
}

const show =
  ({ issuer }: SignInIssuer, file: string, io: Io) =>
  ({ url, completeUrl, userCode }: DevicePrompt): void => {
    const lines = [
      `Sign in at ${issuer}: open`,
      `    ${completeUrl ?? url}`,
      'and check or enter this code:',
      `    ${userCode}`,
      ...(issuer === DEVELOPMENT_ISSUER ? [`The development passphrase is in ${file}`] : []),
      'Waiting; Ctrl-C stops.',
    ]
    io.stderr.write(`${lines.join('\n')}\n`)
  }

async function byPassphrase(
  { issuer, discoveryUrl = '' }: SignInIssuer,
  person: string,
  file: string,
): Promise<Tokens> {
  if (issuer !== DEVELOPMENT_ISSUER)
    throw new HoldpointError(
      'INVALID_INPUT',
      `${visibleLine(person)}: people are named in development alone; at ${issuer} it is \`holdpoint login\``,
    )
  const passphrase = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HoldpointError('NOT_FOUND', `${file} cannot be read`, { cause })
  })
  return signInAs(discoveryUrl, { person, passphrase: passphrase.trim() })
}
