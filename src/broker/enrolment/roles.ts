import {
  CHECKPOINT_STREAM,
  DEAD_LETTER_STREAM,
  DEAD_LETTERS,
  EVENT_STREAM,
  EVENTS,
  FINDING_STREAM,
  FINDINGS,
  PAYLOAD_KEY_STREAM,
  PAYLOAD_STREAM,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_CURSORS,
  TELEMETRY_DEAD,
  TELEMETRY_DEAD_STREAM,
  TELEMETRY_STREAM,
  TELEMETRY_SUBJECTS,
  TRUST_STREAM,
} from '#contract'

/**
 * What each role's credentials may do on NATS. Nobody at run time can create, change, purge or delete a stream;
 * only the broker writes the ledger; an agent sees its own subjects and its own inbox, and nothing else.
 */
export interface RolePermissions {
  pub: { allow: string[]; deny?: string[] }
  sub: { allow: string[]; deny?: string[] }
}
export const ROLES = ['agent', 'broker', 'desk', 'channel', 'pipeline', 'admin', 'doctor'] as const
export type Role = (typeof ROLES)[number]
/** Those of the house itself, which have one file of credentials each. */
export const HOUSE_ROLES = ['broker', 'desk', 'channel', 'pipeline', 'admin', 'doctor'] as const
/** Those of the system account: they ask the servers about themselves, and see no message of anybody. */
export const SYSTEM_ROLES: readonly Role[] = ['doctor']

const inbox = (name: string): string => `_INBOX.${name}.>`
/** Reading a stream through an ordered consumer, and nothing that changes it. */
const READ_STREAMS = [
  '$JS.API.INFO',
  '$JS.API.STREAM.INFO.*',
  '$JS.API.STREAM.MSG.GET.*',
  '$JS.API.CONSUMER.CREATE.>',
  '$JS.API.CONSUMER.INFO.>',
  '$JS.API.CONSUMER.MSG.NEXT.>',
  '$JS.API.CONSUMER.DELETE.>',
]
/** Sealed or not, payloads are the broker's alone: no way to them may be left open by a wildcard above. */
const PAYLOADS_CLOSED = [PAYLOAD_STREAM, PAYLOAD_KEY_STREAM].flatMap((stream) => [
  `$JS.API.STREAM.MSG.GET.${stream}`,
  ...noConsumer(stream),
  `$JS.API.CONSUMER.INFO.${stream}.>`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
  `$JS.API.CONSUMER.DELETE.${stream}.>`,
])

/**
 * The pipeline has consumers on ledgers alone. A consumer may have the server deliver to any subject, past these
 * permissions: what somebody had put into telemetry would become an entry of the ledger, or an agent's call.
 */
const LEDGERS_ALONE = [
  TELEMETRY_STREAM,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_DEAD_STREAM,
  FINDING_STREAM,
  EVENT_STREAM,
  DEAD_LETTER_STREAM,
  TRUST_STREAM,
  CHECKPOINT_STREAM,
].flatMap(noConsumer)

function noConsumer(stream: string): string[] {
  return [`$JS.API.CONSUMER.CREATE.${stream}`, `$JS.API.CONSUMER.CREATE.${stream}.>`]
}

export const PERMISSIONS: Record<Role, RolePermissions> = {
  // `{{name()}}` is the name that the credentials were issued for: the server fills it in (scoped signing key).
  agent: { pub: { allow: ['hp.v1.agent.{{name()}}.>'] }, sub: { allow: ['_INBOX.{{name()}}.>'] } },
  broker: {
    pub: {
      allow: [
        'hp.v1.ledger.>',
        'hp.v1.payload.>',
        'hp.v1.payload-key.>',
        'hp.v1.checkpoint.>',
        EVENTS,
        '_INBOX.>',
        ...READ_STREAMS,
        // Erasing a request's sealing key is how a payload is erased.
        `$JS.API.STREAM.MSG.DELETE.${PAYLOAD_KEY_STREAM}`,
      ],
    },
    sub: { allow: ['hp.v1.agent.*.*', 'hp.v1.desk.*', 'hp.v1.channel.*', inbox('broker')] },
  },
  desk: { pub: { allow: ['hp.v1.desk.*'] }, sub: { allow: [EVENTS, inbox('desk')] } },
  channel: {
    pub: {
      allow: [
        'hp.v1.channel.*',
        DEAD_LETTERS,
        '$JS.API.INFO',
        // Consumers of its own on the broker's events, pulled and acknowledged.
        `$JS.API.STREAM.INFO.${EVENT_STREAM}`,
        ...['CREATE', 'INFO', 'MSG.NEXT', 'DELETE'].map(
          (call) => `$JS.API.CONSUMER.${call}.${EVENT_STREAM}.>`,
        ),
        `$JS.ACK.${EVENT_STREAM}.>`,
        // Dead letters are read one by one. A consumer may have the server deliver to any subject, past these
        // permissions, and here the channel would have written what is delivered.
        `$JS.API.STREAM.INFO.${DEAD_LETTER_STREAM}`,
        `$JS.API.STREAM.MSG.GET.${DEAD_LETTER_STREAM}`,
      ],
    },
    sub: { allow: [inbox('channel')] },
  },
  pipeline: {
    pub: {
      allow: [
        ...READ_STREAMS,
        TELEMETRY_SUBJECTS,
        TELEMETRY_CURSORS,
        TELEMETRY_DEAD,
        FINDINGS,
        `$JS.API.DIRECT.GET.${TELEMETRY_STREAM}`,
        // What is stored makes room; what somebody has looked at and dropped goes, or what was sent again.
        `$JS.API.STREAM.PURGE.${TELEMETRY_STREAM}`,
        `$JS.API.STREAM.MSG.DELETE.${TELEMETRY_DEAD_STREAM}`,
      ],
      deny: [...PAYLOADS_CLOSED, ...LEDGERS_ALONE],
    },
    sub: { allow: [inbox('pipeline')] },
  },
  admin: { pub: { allow: ['hp.v1.trust.>', '$JS.API.>'] }, sub: { allow: [inbox('admin')] } },
  // Settings and figures of each server, and what the accounts permit; nothing of it changes anything.
  doctor: {
    pub: { allow: ['$SYS.REQ.SERVER.PING.VARZ', '$SYS.REQ.SERVER.PING.ACCOUNTZ'] },
    sub: { allow: [inbox('doctor')] },
  },
}
