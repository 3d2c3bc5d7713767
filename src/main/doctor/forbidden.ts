import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import {
  agentSubject,
  channelSubject,
  checkpointSubject,
  deskSubject,
  FINDING_STREAM,
  inboxPrefix,
  ledgerStream,
  ledgerSubject,
  PAYLOAD_KEY_STREAM,
  PAYLOAD_STREAM,
  payloadKeySubject,
  payloadSubject,
  TELEMETRY_STREAM,
  TRUST_STREAM,
  trustSubject,
} from '#contract'

/** Something that the server has to refuse. */
export interface Trial {
  operation: 'publish' | 'subscription'
  subject: string
}

const NOBODY = 'holdpoint-doctor'
const STREAM_CHANGES = ['UPDATE', 'DELETE', 'PURGE', 'RESTORE', 'MSG.DELETE'] as const

/** `who` is a role of the house, or `agent ID`. */
export function forbidden(who: string, epoch: number): Trial[] {
  const [role = '', agentId = ''] = who.split(' ')
  const streams = [ledgerStream(epoch), PAYLOAD_STREAM, TRUST_STREAM]
  const changes = streams.flatMap((stream) =>
    STREAM_CHANGES.map((call) => `$JS.API.STREAM.${call}.${stream}`),
  )
  const decides = ledgerSubject.decided(epoch, `${epoch}-${NOBODY}`)
  const publishes: Record<string, string[]> = {
    broker: [trustSubject.policy(1), trustSubject.keySet(1), deskSubject('review'), channelSubject('review')],
    desk: [decides, agentSubject(NOBODY, 'request'), channelSubject('review'), inboxPrefix('broker')],
    channel: [decides, agentSubject(NOBODY, 'request'), deskSubject('review'), inboxPrefix('broker')],
    pipeline: [
      decides,
      deskSubject('review'),
      trustSubject.policy(1),
      `$JS.API.STREAM.MSG.GET.${PAYLOAD_STREAM}`,
      `$JS.API.STREAM.MSG.GET.${PAYLOAD_KEY_STREAM}`,
      `$JS.API.CONSUMER.CREATE.${PAYLOAD_STREAM}`,
      // It would have the server deliver what it has written itself to any subject.
      `$JS.API.CONSUMER.CREATE.${TELEMETRY_STREAM}`,
      `$JS.API.CONSUMER.CREATE.${FINDING_STREAM}`,
    ],
    agent: [
      decides,
      agentSubject(NOBODY, 'request'),
      deskSubject('review'),
      channelSubject('review'),
      inboxPrefix('broker'),
    ],
    doctor: ['$SYS.REQ.CLAIMS.UPDATE', `$SYS.REQ.SERVER.${NOBODY}.RELOAD`],
  }
  const others: Record<string, string[]> = {
    broker: ['_INBOX.>', inboxPrefix('desk.>')],
    desk: ['>', '_INBOX.>', inboxPrefix('broker.>'), 'hp.v1.agent.>', 'hp.v1.ledger.>'],
    channel: ['>', '_INBOX.>', inboxPrefix('broker.>'), 'hp.v1.agent.>', 'hp.v1.ledger.>'],
    pipeline: ['>', '_INBOX.>', inboxPrefix('broker.>'), 'hp.v1.agent.>', 'hp.v1.payload.>'],
    agent: ['>', '_INBOX.>', inboxPrefix('broker.>'), `hp.v1.agent.${agentId}.request`, 'hp.v1.event.>'],
    doctor: ['>', '$SYS.>', '$SYS.ACCOUNT.>', '_INBOX.>'],
  }
  const sealed = role === 'broker' ? [] : [payloadSubject(NOBODY, 'card'), payloadKeySubject(NOBODY)]
  const signed = role === 'broker' ? [] : [checkpointSubject(epoch)]
  return [
    ...[...changes, ...sealed, ...signed, ...(publishes[role] ?? [])].map(
      (subject): Trial => ({ operation: 'publish', subject }),
    ),
    ...(others[role] ?? []).map((subject): Trial => ({ operation: 'subscription', subject })),
  ]
}

/** As an agent's own process would, without trying again. */
export const connectAgent = (agentId: string, url: string, credentials: string): Promise<NatsConnection> =>
  connect({
    servers: url,
    authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
    inboxPrefix: inboxPrefix(agentId),
    reconnect: false,
    timeout: 5_000,
  })
