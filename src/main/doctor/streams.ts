import { JetStreamApiError, jetstreamManager, type StreamInfo } from '@nats-io/jetstream'
import { type Difference, differencesOf, differenceText, streamsOf, unknownSettings } from '#broker'
import {
  FINDING_STREAM,
  ledgerStream,
  PAYLOAD_STREAM,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_DEAD_STREAM,
  TELEMETRY_STREAM,
} from '#contract'
import { complaint, counted, type Finding, messageOf, orOk } from './finding.ts'
import type { Scene } from './scene.ts'

type Stream = ReturnType<typeof streamsOf>[number]
const STREAM_NOT_FOUND = 10059

/** Every stream as it really is: nothing may empty or rewrite it, and nothing may be missing from it. */
export async function checkStreams(scene: Scene): Promise<Finding[]> {
  const { streams } = await jetstreamManager(await scene.reader(), { checkAPI: false })
  const findings = await Promise.all(
    streamsToBe(scene).map(async (stream) => {
      const info = await streams.info(stream.name).catch((error: unknown) => notThere(scene, stream, error))
      return Array.isArray(info) ? info : looked(scene, stream, info)
    }),
  )
  return findings.flat()
}

/** Those of every epoch, and all that they share. */
function streamsToBe({ epochs, config }: Scene): Stream[] {
  const all = epochs.flatMap((epoch) => streamsOf(epoch, config.nats.replicas, config.pipeline.bufferBytes))
  return [...new Map(all.map((stream) => [stream.name, stream])).values()]
}

const isOver = ({ epoch, epochs }: Scene, name: string): boolean =>
  epochs.some((one) => one < epoch && ledgerStream(one) === name)

function notThere(scene: Scene, { name }: Stream, error: unknown): Finding[] {
  const isMissing = error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND
  if (isMissing && isOver(scene, name))
    return [{ check: 'streams', level: 'assumed', what: `${name}: exported and dropped; it is not there` }]
  return [
    complaint('streams', {
      what: isMissing ? `stream ${name} is not there` : `stream ${name} cannot be read: ${messageOf(error)}`,
      why: OF_PIPELINE.has(name)
        ? 'without it the pipeline does not start, and senders keep their telemetry'
        : 'without it the broker does not start, and everything is held',
      mend: isMissing
        ? '`holdpoint up` makes it, or restore it from a backup'
        : 'see nats cluster and permissions',
    }),
  ]
}

function looked(scene: Scene, stream: Stream, info: StreamInfo): Finding[] {
  const { name } = stream
  const live = { ...info.config }
  const complaints = [
    ...differencesOf(stream, live)
      .filter(({ setting }) => !(setting === 'sealed' && isOver(scene, name)))
      .map((difference) =>
        complaint('streams', {
          what: differenceText(difference),
          why: whyOf(difference),
          mend: `nats stream edit ${name}, and look who has changed it; ${OF_PIPELINE.has(name) ? 'nothing has to be restarted' : 'the broker answers again by itself'}`,
        }),
      ),
    ...unknownSettings(stream, live).map((setting) =>
      complaint('streams', {
        level: 'warning',
        what: `stream ${name}: ${setting} is ${JSON.stringify(live[setting as never])}, which this version of Holdpoint does not know`,
        why: 'it may empty or rewrite the stream',
        mend: `take it off, or look what it does in the release notes of your nats-server`,
      }),
    ),
    ...missingFrom(scene, info),
    ...replicasOf(info),
  ]
  return orOk(
    'streams',
    complaints,
    `${name}: ${counted(info.state.messages, 'entry', 'entries')}, as it has to be`,
  )
}

/** No decision rests on them. */
const OF_PIPELINE = new Set([
  TELEMETRY_STREAM,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_DEAD_STREAM,
  FINDING_STREAM,
])

function whyOf({ stream, setting }: Difference): string {
  if (OF_PIPELINE.has(stream))
    return setting === 'max_bytes'
      ? 'senders are told to come again when it is full; pipeline.bufferBytes and `holdpoint up` say how large it is'
      : 'telemetry that was acknowledged may be lost, or stored twice'
  if (setting === 'num_replicas') return 'with fewer copies a lost disk is a lost ledger'
  return setting === 'persist_mode' || setting === 'no_ack'
    ? 'what is acknowledged may not be on disk'
    : 'entries may be removed, rewritten, refused, or put there by others; the broker is closed while it is so'
}

/** Each fact is written once and never removed: whatever was numbered has to be there. Keys alone may be erased. */
function missingFrom({ epochs }: Scene, { config, state }: StreamInfo): Finding[] {
  const isWhole = state.messages === state.last_seq
  if (isWhole || ![...epochs.map(ledgerStream), PAYLOAD_STREAM].includes(config.name)) return []
  return [
    complaint('streams', {
      what: `stream ${config.name}: ${state.messages} entries up to number ${state.last_seq}`,
      why: 'entries have been taken away, or another stream stands under this name',
      mend: 'restore it from a backup, and find out who can delete; a broker that has seen them stops by itself',
    }),
  ]
}

function replicasOf({ config, cluster }: StreamInfo): Finding[] {
  const behind = (cluster?.replicas ?? []).filter(({ current, offline }) => !current || offline === true)
  return behind.map((replica) =>
    complaint('streams', {
      level: 'warning',
      what: `stream ${config.name}: the copy on ${replica.name} is ${replica.offline ? 'away' : 'behind'}`,
      why: 'one more, and nothing can be written',
      mend: 'look at that server; a copy catches up by itself',
    }),
  )
}
