/**
 * Every NATS subject and stream. Subjects carry identity: an agent's credentials let it publish only below
 * `hp.v1.agent.<agentId>.` and read only `_INBOX.<agentId>.>`, so the subject proves the requester.
 */
export type AgentCall = 'hello' | 'request' | 'claim' | 'consume' | 'outcome' | 'cancel' | 'heartbeat'
export type DeskCall =
  | 'list'
  | 'show'
  | 'review'
  | 'cancel'
  | 'revoke'
  | 'erase'
  | 'freeze'
  | 'policy'
  | 'explain'
  | 'agents'
  | 'ledger'
  | 'trust'
/** Those of the process that carries requests into chats and webhooks; its credentials are its own. */
export type ChannelCall = 'show' | 'review'

export const agentSubject = (agentId: string, call: AgentCall): string => `hp.v1.agent.${agentId}.${call}`
export const agentCalls = (call: AgentCall): string => `hp.v1.agent.*.${call}`
/** The agent's id out of a subject that the server has let through. */
export const agentIdOf = (subject: string): string => subject.split('.')[3] ?? ''

export const inboxPrefix = (name: string): string => `_INBOX.${name}`
/** Hints to an agent's processes: something is worth asking about. Nothing in them is believed. */
export const agentHints = (agentId: string): string => `_INBOX.${agentId}.hint`

export const deskSubject = (call: DeskCall): string => `hp.v1.desk.${call}`
export const channelSubject = (call: ChannelCall): string => `hp.v1.channel.${call}`

/**
 * What desks watch and channels carry. Each is published once for each request, `reviewed` once for each review.
 * `decided` is the last of what was not approved; `ended` says that an approval is over: lapsed, revoked, or its
 * outcome known; `escalated` that others may answer, too. `nth` is the ledger index of the review, or the number of
 * the step, from 1.
 */
export const DESK_EVENTS = ['opened', 'reviewed', 'escalated', 'decided', 'ended'] as const
export type DeskEventName = (typeof DESK_EVENTS)[number]
export const eventSubject = (event: DeskEventName, requestId: string, nth?: number): string =>
  `hp.v1.event.${event}.${requestId}${nth === undefined ? '' : `.${nth}`}`
/** What nobody should overlook, once each: `name` tells it from others of its kind. Their payload is an Alarm. */
export const alarmSubject = (kind: string, name: string): string => `hp.v1.event.alarm.${kind}.${name}`
export const ALARMS = 'hp.v1.event.alarm.>'
export const EVENTS = 'hp.v1.event.>'
/** Keeps the events for channels that were away: write-once, so that announcing one again changes nothing. */
export const EVENT_STREAM = 'HP_EVENT'
/** What a channel could not deliver, for somebody to look at and to send again. */
export const DEAD_LETTER_STREAM = 'HP_DEAD_LETTER'
export const DEAD_LETTERS = 'hp.v1.dead-letter.>'
export const deadLetterSubject = (channel: string, event: DeskEventName | 'alarm', about: string): string =>
  `hp.v1.dead-letter.${channel}.${event}.${about}`

/** Of every ledger: it begins with the installation, and needs no document. */
export const FIRST_EPOCH = 1
export const ledgerStream = (epoch: number): string => `HP_LEDGER_${epoch}`
export const ledgerSubjects = (epoch: number): string => `hp.v1.ledger.${epoch}.>`
export const ledgerSubject = {
  requested: (epoch: number, requestId: string): string => `hp.v1.ledger.${epoch}.req.${requestId}.requested`,
  review: (epoch: number, requestId: string, reviewerHash: string): string =>
    `hp.v1.ledger.${epoch}.req.${requestId}.review.${reviewerHash}`,
  decided: (epoch: number, requestId: string): string => `hp.v1.ledger.${epoch}.req.${requestId}.decided`,
  spent: (epoch: number, requestId: string): string => `hp.v1.ledger.${epoch}.req.${requestId}.spent`,
  outcome: (epoch: number, requestId: string): string => `hp.v1.ledger.${epoch}.req.${requestId}.outcome`,
  erased: (epoch: number, requestId: string): string => `hp.v1.ledger.${epoch}.req.${requestId}.erased`,
  policy: (epoch: number, version: number): string => `hp.v1.ledger.${epoch}.policy.${version}`,
  directory: (epoch: number, version: number): string => `hp.v1.ledger.${epoch}.directory.${version}`,
  /** `agent` absent: all of them. No agent's id begins with an underscore. */
  freeze: (epoch: number, agent: string | undefined, turn: number): string =>
    `hp.v1.ledger.${epoch}.freeze.${agent ?? '_all'}.${turn}`,
  continued: (epoch: number): string => `hp.v1.ledger.${epoch}.continued`,
}

/** In which epoch a subject of the ledger stands. */
export const epochOfSubject = (subject: string): number =>
  Number(/^hp\.v1\.ledger\.(\d{1,9})\./.exec(subject)?.[1] ?? Number.NaN)

/** All that the ledger says of one request. */
export const requestSubjects = (epoch: number, requestId: string): string =>
  `hp.v1.ledger.${epoch}.req.${requestId}.>`

/** In which epoch a request stands: its id begins with it. NaN for what is no request's id. */
export const epochOf = (requestId: string): number => Number(/^(\d{1,9})-/.exec(requestId)?.[1] ?? Number.NaN)

/** Signed documents, latest and history: anybody may read them, trust comes from their signatures. */
export const TRUST_STREAM = 'HP_TRUST'
export const TRUST_SUBJECTS = 'hp.v1.trust.>'
export const trustSubject = {
  keySet: (version: number): string => `hp.v1.trust.keyset.${version}`,
  policy: (version: number): string => `hp.v1.trust.policy.${version}`,
  registration: (agentId: string): string => `hp.v1.trust.registration.${agentId}`,
  directory: (version: number): string => `hp.v1.trust.directory.${version}`,
  epoch: (epoch: number): string => `hp.v1.trust.epoch.${epoch}`,
}

/** Sealed arguments, cards and reasons; the broker alone reads and writes them. */
export const PAYLOAD_STREAM = 'HP_PAYLOAD'
export const payloadSubject = (requestId: string, part: string): string =>
  `hp.v1.payload.${requestId}.${part}`
/** The sealing key of each request; erasing it erases the payload. */
export const PAYLOAD_KEY_STREAM = 'HP_PAYLOAD_KEY'
export const payloadKeySubject = (requestId: string): string => `hp.v1.payload-key.${requestId}`

/** Signed checkpoints (C2SP) of the ledger, the newest of each epoch kept. */
export const CHECKPOINT_STREAM = 'HP_CHECKPOINT'
export const checkpointSubject = (epoch: number): string => `hp.v1.checkpoint.${epoch}`
export const CHECKPOINTS = 'hp.v1.checkpoint.*'

/** Telemetry that a pipeline has acknowledged and not stored yet. `lane` is from 0; one writer at a time drains a lane. */
export const TELEMETRY_STREAM = 'HP_TELEMETRY'
export const TELEMETRY_SUBJECTS = 'hp.v1.telemetry.*.*'
export const telemetrySubject = (lane: number, signal: string): string => `hp.v1.telemetry.${lane}.${signal}`
export const telemetryOfLane = (lane: number): string => `hp.v1.telemetry.${lane}.*`
/** Which messages of a lane the batch holds that is being stored, so that whoever goes on stores the same one. */
export const TELEMETRY_CURSOR_STREAM = 'HP_TELEMETRY_CURSOR'
export const TELEMETRY_CURSORS = 'hp.v1.telemetry-cursor.*'
export const telemetryCursorSubject = (lane: number): string => `hp.v1.telemetry-cursor.${lane}`
/** Telemetry that the store has refused for good, with the reason, for somebody to look at. */
export const TELEMETRY_DEAD_STREAM = 'HP_TELEMETRY_DEAD'
export const TELEMETRY_DEAD = 'hp.v1.telemetry-dead.*.*'
/** `id` is made of the batch and the place in it, so that whoever stores the batch once more leaves the same letter. */
export const telemetryDeadSubject = (signal: string, id: string): string =>
  `hp.v1.telemetry-dead.${signal}.${id}`

/** What the pipeline has found wrong, once for each span and verdict. Their payload is a Finding. */
export const FINDING_STREAM = 'HP_FINDING'
export const FINDINGS = 'hp.v1.finding.>'
export const findingSubject = (verification: string, traceId: string, spanId: string): string =>
  `hp.v1.finding.${verification}.${traceId}.${spanId}`
