import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { ledgerStream, PAYLOAD_KEY_STREAM, PAYLOAD_STREAM, TRUST_STREAM } from '#contract'
import { holdAction } from '../../support/held.ts'
import { EPOCH } from '../../support/house.ts'
import { type Attack, guardIn } from './attack.ts'
import type { Scenes } from './scenes.ts'

const inRoles = guardIn('src/broker/enrolment/roles.ts')
const inStreams = guardIn('src/broker/enrolment/provision.ts')

const agentWrites = inRoles(
  'agent-writes',
  'An agent that writes anywhere.',
  "agent: { pub: { allow: ['hp.v1.agent.{{name()}}.>'] }",
  "agent: { pub: { allow: ['>'] }",
)
const agentReads = inRoles(
  'agent-reads',
  'An agent that reads the answers to others.',
  "sub: { allow: ['_INBOX.{{name()}}.>'] }",
  "sub: { allow: ['>'] }",
)
const deskWrites = inRoles(
  'desk-writes',
  'A desk that writes the ledger.',
  "desk: { pub: { allow: ['hp.v1.desk.*'] }",
  "desk: { pub: { allow: ['>'] }",
)
const payloadsClosed = inRoles(
  'payloads-closed',
  'The pipeline reads arguments and their keys.',
  'deny: [...PAYLOADS_CLOSED, ...LEDGERS_ALONE]',
  'deny: LEDGERS_ALONE',
)
const noDelete = inStreams(
  'no-delete',
  'An administrator takes one entry out of the ledger.',
  'deny_delete: true,\n  deny_purge: true,\n  allow_direct: false',
  'deny_delete: false,\n  deny_purge: true,\n  allow_direct: false',
)
const noPurge = inStreams(
  'no-purge',
  'An administrator empties the ledger.',
  'deny_purge: true,\n  allow_direct: false',
  'deny_purge: false,\n  allow_direct: false',
)

const FORGERY = 'approvals forged by the client (vercel/ai #15947, #16068)'
const OFF = 'switching the gate off (CVE-2025-53773)'
const TAMPER = 'log injection'
const onNats = (name: string, threat: string, guard: Attack['guard'], run: Attack['run']): Attack => ({
  name,
  threat,
  enforcementPoint: 'NATS',
  guard,
  run,
})

/** Publishes, and looks whether the stream has it. */
async function written(scenes: Scenes, nc: NatsConnection, stream: string, subject: string) {
  const house = await scenes.house()
  nc.publish(subject, 'forged')
  await nc.flush()
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const found = await streams.getMessage(stream, { last_by_subj: subject })
  return found ? `${stream} holds it` : undefined
}

async function readable(scenes: Scenes, role: 'pipeline' | 'desk', stream: string) {
  await holdAction(await scenes.agent())
  const nc = await (await scenes.house()).connect(role)
  const manager = await jetstreamManager(nc, { checkAPI: false, timeout: 500 })
  const message = await manager.streams.getMessage(stream, { seq: 1 }).catch(() => undefined)
  return message ? `${role} reads ${stream}` : undefined
}

export const natsAttacks: readonly Attack[] = [
  onNats('an agent writes a decision into the ledger', FORGERY, agentWrites, async (scenes) =>
    written(scenes, (await scenes.agent()).nc, ledgerStream(EPOCH), `hp.v1.ledger.${EPOCH}.req.1-a.decided`),
  ),
  onNats('an agent writes a consumption into the ledger', FORGERY, agentWrites, async (scenes) =>
    written(scenes, (await scenes.agent()).nc, ledgerStream(EPOCH), `hp.v1.ledger.${EPOCH}.req.1-a.spent`),
  ),
  onNats('an agent publishes a policy', OFF, agentWrites, async (scenes) =>
    written(scenes, (await scenes.agent()).nc, TRUST_STREAM, 'hp.v1.trust.policy.99'),
  ),
  onNats('an agent publishes a key set', OFF, agentWrites, async (scenes) =>
    written(scenes, (await scenes.agent()).nc, TRUST_STREAM, 'hp.v1.trust.keyset.99'),
  ),
  onNats('a desk writes a review into the ledger', FORGERY, deskWrites, async (scenes) =>
    written(
      scenes,
      await (await scenes.house()).connect('desk'),
      ledgerStream(EPOCH),
      `hp.v1.ledger.${EPOCH}.req.1-b.review.x`,
    ),
  ),
  onNats(
    'a desk publishes a registration',
    'an identity taken from the request body (decidedBy, CLI --as)',
    deskWrites,
    async (scenes) =>
      written(
        scenes,
        await (await scenes.house()).connect('desk'),
        TRUST_STREAM,
        'hp.v1.trust.registration.evil',
      ),
  ),
  onNats(
    'an agent listens to the answers of others',
    'warrant theft and replay',
    agentReads,
    async (scenes) => {
      const [thief, victim] = [await scenes.agent(), await scenes.agent()]
      let heard = 0
      thief.nc.subscribe(`_INBOX.${victim.id}.>`, { callback: (error) => void (error ?? heard++) })
      await thief.nc.flush()
      await victim.call('hello', { process: victim.process })
      await thief.nc.flush()
      return heard > 0 ? 'it hears what the broker answers others' : undefined
    },
  ),
  onNats('the pipeline reads sealed payloads', 'log injection', payloadsClosed, (scenes) =>
    readable(scenes, 'pipeline', PAYLOAD_STREAM),
  ),
  onNats('the pipeline reads the keys of payloads', 'log injection', payloadsClosed, (scenes) =>
    readable(scenes, 'pipeline', PAYLOAD_KEY_STREAM),
  ),
  onNats('an administrator takes an entry out of the ledger', TAMPER, noDelete, async (scenes) => {
    await holdAction(await scenes.agent())
    const { streams } = await jetstreamManager(await (await scenes.house()).connect('admin'))
    return (await streams.deleteMessage(ledgerStream(EPOCH), 1).catch(() => false)) ? 'it is gone' : undefined
  }),
  onNats('an administrator empties the ledger', TAMPER, noPurge, async (scenes) => {
    await holdAction(await scenes.agent())
    const { streams } = await jetstreamManager(await (await scenes.house()).connect('admin'))
    const purged = await streams.purge(ledgerStream(EPOCH)).catch(() => undefined)
    return purged?.success ? 'it is empty' : undefined
  }),
]
