import { jetstreamManager } from '@nats-io/jetstream'
import { headers, type NatsConnection, PermissionViolationError } from '@nats-io/transport-node'
import { FILES } from '#broker'
import {
  agentSubject,
  deskSubject,
  EVENT_STREAM,
  ledgerStream,
  PAYLOAD_STREAM,
  TELEMETRY_STREAM,
} from '#contract'
import { complaint, type Finding, messageOf, orOk } from './finding.ts'
import { connectAgent, forbidden, type Trial } from './forbidden.ts'
import { type HouseRole, type Scene, userOf } from './scene.ts'

const RUN_TIME_ROLES = ['broker', 'desk', 'channel', 'pipeline', 'doctor'] as const
const ANSWERS_WITHIN_MS = 3_000
const SOON_MS = 30 * 86_400_000

/** What each of the credentials here can really do: the server is asked for what it must refuse. */
export async function checkPermissions(scene: Scene): Promise<Finding[]> {
  const present = scene.roles()
  const findings: Finding[] = []
  for (const role of RUN_TIME_ROLES)
    if (present.includes(role)) findings.push(...(await tried(scene, role, () => scene.connect(role))))
  for (const file of scene.home.list('agents').filter((name) => name.endsWith('.creds'))) {
    const agentId = file.replace(/\.creds$/, '')
    const credentials = scene.home.read(FILES.agentCredentials(agentId))
    findings.push(
      ...(await tried(scene, `agent ${agentId}`, () => connectAgent(agentId, scene.natsUrl(), credentials))),
    )
  }
  return findings.length > 0 ? findings : [nothingHere(present)]
}

const nothingHere = (present: readonly HouseRole[]): Finding =>
  complaint('permissions', {
    level: 'warning',
    what: `no credentials of a running process lie here${present.length > 0 ? `, only ${present.join(', ')}` : ''}`,
    why: 'what they may do can only be tried with them',
    mend: 'run holdpoint doctor where each process runs',
  })

async function tried(scene: Scene, who: string, open: () => Promise<NatsConnection>): Promise<Finding[]> {
  const check = `permissions ${who}`
  let nc: NatsConnection
  try {
    nc = await open()
  } catch (error) {
    return [
      complaint(check, {
        what: `cannot connect: ${messageOf(error)}`,
        why: 'the process that it is for cannot either',
        mend: 'the server has to run with nats/operator.conf of this installation, as it is now: reload it',
      }),
    ]
  }
  try {
    const allowed = await permitted(nc, forbidden(who, scene.epoch))
    const complaints = allowed.map(({ operation, subject }) =>
      complaint(check, {
        what: `may ${operation === 'publish' ? 'publish on' : 'subscribe to'} ${subject}`,
        why: 'whoever takes these credentials could forge, read or remove what is not theirs',
        mend: 'issue them with the scoped signing key of their role (holdpoint init), and take the others back',
      }),
    )
    const able = await unable(nc, who, scene)
    return [
      ...orOk(
        check,
        complaints,
        `${forbidden(who, scene.epoch).length} things that it must not do are refused`,
      ),
      ...able,
      ...expiry(check, scene, who),
    ]
  } finally {
    if (who.startsWith('agent ')) await nc.close()
  }
}

/** Those that the server lets through. The server answers in order: what it has not refused by its pong, it permits. */
async function permitted(nc: NatsConnection, trials: readonly Trial[]): Promise<Trial[]> {
  const refused = new Set<string>()
  void (async () => {
    // Until the line is closed.
    for await (const change of nc.status())
      if (change.type === 'error' && change.error instanceof PermissionViolationError)
        refused.add(`${change.error.operation} ${change.error.subject}`)
  })()
  // Should one get through all the same: no stream takes a message that expects another stream, and none of the
  // calls of JetStream takes what is no JSON.
  const harmless = headers()
  harmless.set('Nats-Expected-Stream', 'HOLDPOINT_DOCTOR')
  const opened = trials.map(({ operation, subject }) => {
    if (operation === 'subscription') return nc.subscribe(subject, { callback: () => {} })
    nc.publish(subject, 'holdpoint doctor', { headers: harmless })
    return undefined
  })
  await nc.flush()
  // Errors are handed on in a later turn than the pong that follows them.
  await new Promise((resolve) => setTimeout(resolve, 20))
  for (const subscription of opened) subscription?.unsubscribe()
  return trials.filter(({ operation, subject }) => !refused.has(`${operation} ${subject}`))
}

/** And the reverse: what it is for. */
async function unable(nc: NatsConnection, who: string, { epoch }: Scene): Promise<Finding[]> {
  const check = `permissions ${who}`
  const reads = async (stream: string): Promise<unknown> =>
    (await jetstreamManager(nc, { checkAPI: false })).streams.info(stream)
  const asks = (subject: string): Promise<unknown> =>
    nc.request(subject, '{}', { timeout: ANSWERS_WITHIN_MS })
  const uses: Record<string, () => Promise<unknown>> = {
    broker: async () => Promise.all([reads(ledgerStream(epoch)), reads(PAYLOAD_STREAM)]),
    pipeline: async () => Promise.all([reads(ledgerStream(epoch)), reads(TELEMETRY_STREAM)]),
    channel: () => reads(EVENT_STREAM),
    desk: () => asks(deskSubject('trust')),
    // An empty greeting is refused by the broker, and changes nothing.
    agent: () => asks(agentSubject(who.replace('agent ', ''), 'hello')),
  }
  const use = uses[who.split(' ')[0] ?? '']
  if (!use) return []
  try {
    await use()
    return []
  } catch (error) {
    const isBrokerAway = error instanceof Error && error.name === 'NoRespondersError'
    return [
      complaint(isBrokerAway ? 'broker' : check, {
        what: isBrokerAway ? `no broker answers ${who}` : `cannot do what it is for: ${messageOf(error)}`,
        why: 'everything that policy holds stays held',
        mend: isBrokerAway
          ? 'start one: holdpoint broker, or holdpoint up'
          : 'issue the credentials anew (holdpoint init), and reload the server with nats/operator.conf',
      }),
    ]
  }
}

function expiry(check: string, scene: Scene, who: string): Finding[] {
  if (who.startsWith('agent ')) return []
  const { exp } = userOf(scene.credentials(who as HouseRole))
  const leftMs = exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000 - scene.now()
  if (leftMs > SOON_MS) return []
  return [
    complaint(check, {
      level: 'warning',
      what: `the credentials expire in ${Math.floor(leftMs / 86_400_000)} days`,
      why: 'the server then ends the line, and the process stops',
      mend: 'issue new ones before',
    }),
  ]
}
