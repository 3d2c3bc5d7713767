import {
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  PersistMode,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import {
  CHECKPOINT_STREAM,
  CHECKPOINTS,
  DEAD_LETTER_STREAM,
  DEAD_LETTERS,
  EVENT_STREAM,
  EVENTS,
  FINDING_STREAM,
  FINDINGS,
  HoldpointError,
  ledgerStream,
  ledgerSubjects,
  PAYLOAD_KEY_STREAM,
  PAYLOAD_STREAM,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_CURSORS,
  TELEMETRY_DEAD,
  TELEMETRY_DEAD_STREAM,
  TELEMETRY_STREAM,
  TELEMETRY_SUBJECTS,
  TRUST_STREAM,
  TRUST_SUBJECTS,
  trustSubject,
} from '#contract'
import { differencesOf, differenceText } from '../history/stream-settings.ts'
import { epochsOf } from './epochs.ts'
import { FILES, type Home } from './home.ts'
import { readKeySet } from './keys.ts'

const DAY_MS = 86_400_000
const MIB = 2 ** 20
/** How long a request that is sent again is known. Senders of OTLP give up sooner. */
const TELEMETRY_DUPLICATES_MS = 10 * 60_000

type Stream = Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'subjects'>

/** Every fact has a subject of its own, written once; nothing is ever deleted, and nothing ages. */
const writeOnce = {
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  discard_new_per_subject: true,
  max_msgs_per_subject: 1,
  deny_delete: true,
  deny_purge: true,
  allow_direct: false,
  allow_rollup_hdrs: false,
  // Each of these empties a stream in spite of the two denials above.
  max_age: 0,
  max_bytes: -1,
  max_msgs: -1,
} satisfies Partial<StreamConfig>

/** `bufferBytes`: what may wait for ClickHouse at most; see `pipeline.bufferBytes`. */
export function streamsOf(epoch: number, replicas: number, bufferBytes: number = 2 ** 30): Stream[] {
  const file = { storage: StorageType.File, num_replicas: replicas }
  return [
    { ...writeOnce, num_replicas: replicas, name: ledgerStream(epoch), subjects: [ledgerSubjects(epoch)] },
    { ...writeOnce, num_replicas: replicas, name: PAYLOAD_STREAM, subjects: ['hp.v1.payload.>'] },
    // Deleting a key is how a payload is erased, so this one stream permits it.
    {
      ...writeOnce,
      num_replicas: replicas,
      name: PAYLOAD_KEY_STREAM,
      subjects: ['hp.v1.payload-key.>'],
      deny_delete: false,
    },
    { ...file, name: TRUST_STREAM, subjects: [TRUST_SUBJECTS], max_msgs_per_subject: 1 },
    { ...file, name: CHECKPOINT_STREAM, subjects: [CHECKPOINTS], max_msgs_per_subject: 1 },
    // Each event once, while it is of interest to somebody who was away. Whoever floods it loses what comes next,
    // not what is there: the ledger has it all.
    {
      ...writeOnce,
      num_replicas: replicas,
      name: EVENT_STREAM,
      subjects: [EVENTS],
      max_age: nanos(7 * DAY_MS),
      max_bytes: 256 * MIB,
      // Brokers announce again after a start, so nothing here is worth a wait for the disk. Servers before 2.12, and
      // streams with copies, wait all the same.
      ...(replicas === 1 ? { persist_mode: PersistMode.Async } : {}),
    },
    {
      ...file,
      name: DEAD_LETTER_STREAM,
      subjects: [DEAD_LETTERS],
      max_msgs_per_subject: 1,
      max_age: nanos(90 * DAY_MS),
      max_bytes: 64 * MIB,
    },
    ...telemetryStreams(file, bufferBytes),
  ]
}

function telemetryStreams(file: Pick<Stream, 'storage' | 'num_replicas'>, bufferBytes: number): Stream[] {
  return [
    // Full, it refuses: what was acknowledged stays until it is stored.
    {
      ...file,
      name: TELEMETRY_STREAM,
      subjects: [TELEMETRY_SUBJECTS],
      discard: DiscardPolicy.New,
      max_bytes: bufferBytes,
      max_msgs_per_subject: -1,
      duplicate_window: nanos(TELEMETRY_DUPLICATES_MS),
      deny_delete: true,
      allow_direct: true,
    },
    {
      ...file,
      name: TELEMETRY_CURSOR_STREAM,
      subjects: [TELEMETRY_CURSORS],
      max_msgs_per_subject: 1,
      deny_delete: true,
      deny_purge: true,
    },
    // Full, it refuses as well, and the pipeline waits: nothing is thrown away to make room.
    {
      ...file,
      name: TELEMETRY_DEAD_STREAM,
      subjects: [TELEMETRY_DEAD],
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      max_age: nanos(90 * DAY_MS),
      max_bytes: 256 * MIB,
      deny_purge: true,
    },
    {
      ...file,
      name: FINDING_STREAM,
      subjects: [FINDINGS],
      max_msgs_per_subject: 1,
      max_age: nanos(7 * DAY_MS),
      max_bytes: 256 * MIB,
      deny_delete: true,
      deny_purge: true,
    },
  ]
}

/**
 * Makes the streams that are missing; one that is there with other settings is refused, never changed. Only the size
 * of the telemetry's is nobody's safety: it is changed when it is given, and stays as it is when it is not.
 */
export async function provisionStreams(
  nc: NatsConnection,
  epoch: number,
  replicas = 1,
  bufferBytes?: number,
): Promise<void> {
  const manager = await jetstreamManager(nc)
  const present = new Set<string>()
  for await (const name of manager.streams.names()) present.add(name)
  for (const stream of streamsOf(epoch, replicas, bufferBytes)) {
    if (!present.has(stream.name)) await manager.streams.add(stream)
    const { config } = await manager.streams.info(stream.name)
    const live = { ...config }
    if (stream.name === TELEMETRY_STREAM && config.max_bytes !== stream.max_bytes) {
      const max_bytes = stream.max_bytes as number
      if (bufferBytes !== undefined) await manager.streams.update(stream.name, { ...config, max_bytes })
      live.max_bytes = max_bytes
    }
    const [difference] = differencesOf(stream, live)
    if (difference) throw new HoldpointError('INVALID_CONFIG', differenceText(difference))
  }
}

/** Puts the data folder's signed documents where every process can read them. Repeating it changes nothing. */
export async function publishTrust(nc: NatsConnection, home: Home, nowMs: number): Promise<void> {
  const { version } = readKeySet(home, nowMs)
  await publishDocument(nc, trustSubject.keySet(version), home.read(FILES.keySet))
  if (home.has(FILES.policy)) {
    const jws = home.read(FILES.policy)
    await publishDocument(nc, trustSubject.policy(versionOf(jws)), jws)
  }
  if (home.has(FILES.directory)) {
    const jws = home.read(FILES.directory)
    await publishDocument(nc, trustSubject.directory(versionOf(jws)), jws)
  }
  for (const epoch of epochsOf(home).slice(1))
    await publishDocument(nc, trustSubject.epoch(epoch), home.read(FILES.epoch(epoch)))
  for (const file of home.list(FILES.registrations)) {
    const agentId = file.replace(/\.jws$/, '')
    await publishDocument(nc, trustSubject.registration(agentId), home.read(FILES.registration(agentId)))
  }
}

export async function publishDocument(nc: NatsConnection, subject: string, jws: string): Promise<void> {
  const manager = await jetstreamManager(nc)
  const present = await manager.streams.getMessage(TRUST_STREAM, { last_by_subj: subject }).catch(() => null)
  if (present?.string() !== jws) await jetstream(nc).publish(subject, jws)
}

const versionOf = (jws: string): number =>
  (JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')) as { version: number })
    .version
