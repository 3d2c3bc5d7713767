import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HoldpointError } from '#contract'
import { type Command, defineCommand, readConfig, requireRunning } from '#runtime'
import { developmentIssuerAt } from './development/people.ts'
import { saveSession } from './session.ts'
import { signInAs } from './sign-in-as.ts'

/** Signs in at the development identity provider. With a company's provider, HOLDPOINT_TOKEN carries the token. */
export const loginCommand: Command = defineCommand({
  name: 'login',
  summary: 'Sign in as one of the development people',
  details: 'With your company’s identity provider, set HOLDPOINT_TOKEN to a token of yours instead.',
  example: 'holdpoint login bob',
  positionals: [{ name: 'PERSON', description: 'alice, bob or carol' }],
  options: {
    'passphrase-file': {
      type: 'string',
      value: 'FILE',
      description: 'A file with the passphrase (default: the one in the data folder)',
    },
  },
  async run({ options, positionals: [person = ''] }, io) {
    const { dataDir } = readConfig(io)
    const { identity } = requireRunning(dataDir)
    if (!identity)
      throw new HoldpointError('UNAVAILABLE', 'there is no development sign-in here: set HOLDPOINT_TOKEN')
    const file = resolve(io.cwd, options['passphrase-file'] ?? `${dataDir}/people/passphrase`)
    const passphrase = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new HoldpointError(
        'NOT_FOUND',
        `${file} cannot be read: is ${person} one of the development people?`,
        { cause },
      )
    })
    const { discoveryUrl = '' } = developmentIssuerAt(identity.url)
    const { idToken } = await signInAs(discoveryUrl, { person, passphrase: passphrase.trim() })
    saveSession(dataDir, idToken)
    io.stdout.write(`signed in as ${person}\n`)
    return 0
  },
})
