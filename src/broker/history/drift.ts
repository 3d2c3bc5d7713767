import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type Alarm,
  alarmSubject,
  encodeMessage,
  HoldpointError,
  ledgerStream,
  PAYLOAD_KEY_STREAM,
  PAYLOAD_STREAM,
} from '#contract'
import { type Component, type Log, versionRefusal } from '#runtime'
import { streamsOf } from '../enrolment/provision.ts'
import type { LedgerWriter } from './commit.ts'
import { differencesOf, differenceText } from './stream-settings.ts'

/**
 * Watches what the ledger rests on: the settings of its streams, and the server's version. Whoever administers NATS can
 * change them under a running broker, and an entry written from then on may not last.
 */
export interface Drift extends Component {
  /** Throws LEDGER_UNAVAILABLE, retryable, that says what has drifted. */
  assertOpen(): void
  /** Looks now; of several calls at once all share one look. */
  look(): Promise<void>
}

export interface DriftConfig {
  /** That are written into, ascending: the last one takes new requests, the others may be sealed. */
  epochs(): number[]
  replicas: number
  everyMs: number
  /** A demo on whatever server there is, or an administrator's word for a patched one. */
  anyServerVersion: boolean
}

export interface DriftDeps {
  nc: NatsConnection
  now: () => number
  log: Log
  /** All is as it should be again. */
  onOpen(): void
}

/** So many intervals without an answer, and nobody knows any more what the settings are. */
const UNREADABLE_INTERVALS = 5
const MINUTE_MS = 60_000

type Stream = ReturnType<typeof streamsOf>[number]

interface Watched {
  stream: Stream
  /** Its epoch is over. */
  mayBeSealed: boolean
}

interface Fault {
  /** Tokens of a subject: which setting, of what. */
  name: string
  text: string
}

export function createDrift(config: DriftConfig, deps: DriftDeps): Drift {
  const { nc, now, log } = deps
  let manager: Promise<JetStreamManager> | undefined
  let faults: readonly Fault[] = []
  let readAtMs = now()
  let looking: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  function watched(): Watched[] {
    const epochs = config.epochs()
    const ledgers = epochs.map((epoch) => ({
      stream: streamOf(epoch, ledgerStream(epoch)),
      mayBeSealed: epoch !== epochs.at(-1),
    }))
    const payloads = [PAYLOAD_STREAM, PAYLOAD_KEY_STREAM].map((name) => ({
      stream: streamOf(0, name),
      mayBeSealed: false,
    }))
    return [...ledgers, ...payloads]
  }

  const streamOf = (epoch: number, name: string): Stream =>
    streamsOf(epoch, config.replicas).find((stream) => stream.name === name) as Stream

  async function read(): Promise<Fault[]> {
    const refusal = config.anyServerVersion ? undefined : versionRefusal(nc.info?.version ?? '')
    const version = refusal === undefined ? [] : [{ name: 'server.version', text: refusal }]
    manager ??= jetstreamManager(nc, { checkAPI: false })
    const { streams } = await manager
    const found = await Promise.all(
      watched().map(async ({ stream, mayBeSealed }): Promise<Fault[]> => {
        try {
          const { config: live } = await streams.info(stream.name)
          const differences = differencesOf(stream, { ...live })
          const faults = differences.filter(({ setting }) => !(mayBeSealed && setting === 'sealed'))
          return faults.map((difference) => ({
            name: `${stream.name}.${difference.setting}`,
            text: differenceText(difference),
          }))
        } catch (error) {
          if (!isMissing(error)) throw error
          return [{ name: `${stream.name}.missing`, text: `stream ${stream.name} is not there any more` }]
        }
      }),
    )
    return [...version, ...found.flat()]
  }

  async function lookOnce(): Promise<void> {
    try {
      const found = await read()
      readAtMs = now()
      settle(found)
    } catch (error) {
      const silentMs = now() - readAtMs
      log.warn('the settings of the ledger cannot be read', { error, silentMs })
      if (silentMs <= UNREADABLE_INTERVALS * config.everyMs) return
      const text = `the settings of the ledger's streams have not been readable for ${Math.round(silentMs / 1000)} s`
      settle([{ name: 'settings.unreadable', text }])
    }
  }

  function settle(found: readonly Fault[]): void {
    const known = new Set(faults.map(({ name }) => name))
    const wasClosed = faults.length > 0
    faults = found
    for (const fault of found) if (!known.has(fault.name)) raise(fault)
    if (!wasClosed || found.length > 0) return
    log.info('the settings of the ledger are as they have to be again: calls are answered')
    deps.onOpen()
  }

  function raise({ name, text }: Fault): void {
    log.error('drift: calls are refused until it is mended', { what: text })
    const atMs = now()
    const alarm: Alarm = { kind: 'drift', atMs, text: `${text}. Nothing is decided until it is mended.` }
    // Every replica sees it; by the minute, so that they raise one alarm together and the next time another.
    const subject = alarmSubject('drift', `${name}.${Math.floor(atMs / MINUTE_MS)}`)
    if (!nc.isClosed()) nc.publish(subject, encodeMessage(alarm))
  }

  async function followLine(): Promise<void> {
    // What answers after a reconnect may be another server.
    for await (const { type } of nc.status()) if (type === 'reconnect' && !isStopped) await look()
  }

  function look(): Promise<void> {
    looking ??= lookOnce().finally(() => {
      looking = undefined
    })
    return looking
  }

  function assertOpen(): void {
    if (faults.length === 0) return
    const reasons = faults.map(({ text }) => text).join('; ')
    throw new HoldpointError('LEDGER_UNAVAILABLE', `nothing is decided: ${reasons}`, { retryable: true })
  }

  return {
    name: 'settings of the ledger',
    assertOpen,
    look,
    async start() {
      try {
        settle(await read())
      } catch (cause) {
        const reason = (cause as Error).message
        throw new HoldpointError('LEDGER_UNAVAILABLE', `they cannot be read: ${reason}`, { cause })
      }
      readAtMs = now()
      const taken = config.anyServerVersion ? versionRefusal(nc.info?.version ?? '') : undefined
      if (taken !== undefined) log.warn('for a demo, or on an administrator’s word', { what: taken })
      // The alarm is out before the process that raised it ends.
      if (faults.length > 0) await nc.flush()
      assertOpen()
      timer = setInterval(() => void look(), config.everyMs)
      void followLine()
    },
    async stop() {
      isStopped = true
      clearInterval(timer)
      await looking
    },
  }
}

const STREAM_NOT_FOUND = 10059
const isMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND

/**
 * A ledger that nothing is written into while it has drifted, not even by calls that were under way already; except
 * that an agent is stopped: whoever makes it drift must not be able to keep people from that.
 */
export const whileOpen = (ledger: LedgerWriter, drift: Pick<Drift, 'assertOpen'>): LedgerWriter => ({
  ...ledger,
  async commit(subject, entry) {
    if (!(entry.type === 'freeze' && entry.frozen)) drift.assertOpen()
    return ledger.commit(subject, entry)
  },
})
