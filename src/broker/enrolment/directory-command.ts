import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { HoldpointError } from '#contract'
import { type Command, defineCommand, type Io, readConfig, readRunning } from '#runtime'
import { connectedAsAdmin } from './admin.ts'
import { signDirectory } from './directory.ts'
import { parseDirectory } from './directory-file.ts'
import { openHome } from './home.ts'
import { publishTrust } from './provision.ts'

const json = { type: 'boolean', description: 'One JSON object on the last line of standard output' } as const
const positionals = [{ name: 'FILE', description: 'Who is one person, a YAML file' }]

const check = defineCommand({
  name: 'directory check',
  summary: 'Read a directory of people and say what is wrong with it',
  details:
    'A directory says which accounts are one person, and which are services that never review:\n\n' +
    '  people:\n    alice: ["https://idp.example.com#00u1a2b3", "https://chat.example.com#U024BE7LH"]\n' +
    '  services: ["https://idp.example.com#ci-bot"]',
  example: 'holdpoint directory check directory.yaml',
  positionals,
  options: { json },
  async run({ options, positionals: [file = ''] }, io) {
    const { people, services } = parseDirectory(read(file, io), file)
    const counted = { people: people.length, services: services.length }
    io.stdout.write(options.json ? `${JSON.stringify(counted)}\n` : `${file}: ${said(counted)}\n`)
    return 0
  },
})

const publish = defineCommand({
  name: 'directory publish',
  summary: 'Sign a directory of people as the next version and publish it',
  details:
    'From then on people are compared, not accounts: nobody releases their own work through a second account, and\n' +
    'two accounts of one person count once. A directory is good for 90 days, and then nobody may answer anything:\n' +
    'publish it again in its last 30 days, also unchanged. Once there is one, an empty one takes its place.',
  example: 'holdpoint directory publish directory.yaml',
  positionals,
  options: { json },
  async run({ options, positionals: [file = ''] }, io) {
    const config = readConfig(io)
    const home = openHome(config.dataDir)
    const { version, people, services } = signDirectory(home, read(file, io), file, io.now())
    const url = config.nats.url ?? readRunning(config.dataDir)?.nats.url
    if (!url)
      throw new HoldpointError(
        'UNAVAILABLE',
        `directory ${version} is signed; it is published when \`holdpoint up\` starts`,
      )
    await connectedAsAdmin(home, url, (nc) => publishTrust(nc, home, io.now()))
    const counted = { people: people.length, services: services.length }
    io.stdout.write(
      options.json
        ? `${JSON.stringify({ version, ...counted })}\n`
        : `directory ${version} is published: ${said(counted)}\n`,
    )
    return 0
  },
})

const said = ({ people, services }: { people: number; services: number }): string =>
  `${people} ${people === 1 ? 'person' : 'people'}, ${services} ${services === 1 ? 'service' : 'services'}`

function read(file: string, io: Io): string {
  try {
    return readFileSync(resolve(io.cwd, file), 'utf8')
  } catch (cause) {
    throw new HoldpointError('NOT_FOUND', `${file} cannot be read`, { cause })
  }
}

export const directoryCommands: Command[] = [check, publish]
