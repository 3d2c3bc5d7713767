import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { digestBytes, HoldpointError, type PolicyDocument, TRUST_STREAM, trustSubject } from '#contract'
import { parsePolicy } from '#policy'
import { type Command, defineCommand, readConfig, readRunning } from '#runtime'
import { connectedAsAdmin } from './admin.ts'
import { openHome } from './home.ts'
import { isDue, signPolicy } from './policy.ts'
import { policyThatStands, publishNextPolicy } from './policy-publish.ts'
import { publishTrust } from './provision.ts'

export const policyPublish: Command = defineCommand({
  name: 'policy publish',
  summary: 'Publish a house’s first policy, or the same one for longer',
  details:
    'A policy is good for 90 days, and then everything is held: in its last 30 days publish it again, unchanged.\n' +
    'To change it, use `holdpoint policy apply`, which asks people to release the change. Where `holdpoint up` runs,\n' +
    'for development, this changes it, too.\n' +
    '--break-glass brings a policy into force that nobody has released: it takes keys/organisation.seed out of its\n' +
    'safe, raises an alarm, and stands in the ledger as what it is.',
  example: 'holdpoint policy publish policy.yaml',
  positionals: [{ name: 'FILE', description: 'The policy, a YAML file' }],
  options: {
    'break-glass': { type: 'boolean', description: 'Signed by the organisation key, released by nobody' },
    json: { type: 'boolean', description: 'One JSON object on the last line of standard output' },
  },
  async run({ options, positionals: [file = ''] }, io) {
    const config = readConfig(io)
    const home = openHome(config.dataDir)
    const running = readRunning(config.dataDir)
    const isForced = options['break-glass']
    const source = readPolicy(resolve(io.cwd, file))
    parsePolicy(source, file)
    const say = (version: number, text: string): 0 => {
      io.stdout.write(options.json ? `${JSON.stringify({ version })}\n` : `policy ${version} ${text}\n`)
      return 0
    }
    const url = config.nats.url ?? running?.nats.url
    if (!url) {
      if (isForced) throw new HoldpointError('UNAVAILABLE', 'nothing runs that it could come into force in')
      const { version } = signPolicy(home, source, file, io.now())
      throw new HoldpointError(
        'UNAVAILABLE',
        `policy ${version} is signed; it is published when \`holdpoint up\` starts`,
      )
    }
    return connectedAsAdmin(home, url, async (nc) => {
      const stands = await policyThatStands(nc, home)
      if (isForced) {
        const next = { source, version: (stands?.version ?? 0) + 1, signedBy: 'organisation' } as const
        const { version } = await publishNextPolicy(nc, home, next, io.now())
        return say(version, 'is in force, and nobody has released it')
      }
      if (!stands || running?.nats.url === url) {
        const { version } = signPolicy(home, source, file, io.now())
        await publishTrust(nc, home, io.now())
        return say(version, 'is published')
      }
      if (digestBytes(source) !== stands.hash) throw changed(stands.version, file)
      const present = await readPublished(nc, stands.version)
      if (present && !isDue(present, io.now()))
        return say(stands.version, `is good until ${day(present.exp)}`)
      const next = { source, version: stands.version + 1 }
      const { version, exp } = await publishNextPolicy(nc, home, next, io.now())
      return say(version, `is in force, the same text as policy ${stands.version}, until ${day(exp)}`)
    })
  },
})

const changed = (version: number, file: string): HoldpointError =>
  new HoldpointError(
    'NOT_PERMITTED',
    `${file} is another text than policy ${version}, which is in force: a change is released by people, ask them with \`holdpoint policy apply ${file}\``,
  )

/** Only to be told when it ends: what it says is not believed any further. */
async function readPublished(nc: NatsConnection, version: number): Promise<PolicyDocument | undefined> {
  const { streams } = await jetstreamManager(nc)
  const found = await streams.getMessage(TRUST_STREAM, { last_by_subj: trustSubject.policy(version) })
  const payload = found?.string().split('.')[1]
  return payload === undefined
    ? undefined
    : (JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as PolicyDocument)
}

const day = (exp: number): string => new Date(exp * 1000).toISOString().slice(0, 10)

/** Throws INVALID_POLICY. */
export function readPolicy(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HoldpointError('INVALID_POLICY', `${file} cannot be read`, { cause })
  }
}
