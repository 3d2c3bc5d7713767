import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect } from 'vitest'
import { streamsOf } from '#broker'
import { HoldpointError, TELEMETRY_CURSOR_STREAM, TELEMETRY_DEAD_STREAM, TELEMETRY_STREAM } from '#contract'
import { createEngine, createStore, type Engine, type Store } from '#store'
import { type Buffer, type BufferConfig, createBuffer } from '../../src/pipeline/buffer/buffer.ts'
import { digestRequest } from '../../src/pipeline/buffer/message.ts'
import type { Guard } from '../../src/pipeline/buffer/portion.ts'
import type { Batch, Piece, Signal } from '../../src/pipeline/otlp/signal.ts'
import { createFakeLog, type FakeLog } from '../support/log.ts'
import { fillMigrated } from '../support/migrated.ts'
import { startNats } from '../support/nats.ts'
import { steadyPort } from '../support/port.ts'
import { createRandom } from '../support/random.ts'

/** For `expect.poll`: a machine may be busy with other things. */
export const WAITING = { timeout: 10_000, interval: 20 }

/** What goes wrong around one writer's inserts. Each may throw, or wait for as long as it likes. */
export interface Faults {
  prepare?: (batch: Batch) => Promise<void> | void
  before?: (batch: Batch) => Promise<void> | void
  after?: (batch: Batch) => Promise<void> | void
}

/** A real nats-server with the real streams, and the real engine: a piece is a row of otel_logs, with its text as Body. */
export interface Buffering {
  nc: NatsConnection
  store: Store
  log: FakeLog
  /** Another pipeline's buffer, on a connection of its own. `elapsed` moves by hand where it is given. */
  start(
    over?: Partial<BufferConfig> & { faults?: Faults; elapsed?: () => number; nc?: NatsConnection },
  ): Promise<Buffer>
  connect(): Promise<NatsConnection>
  addStreams(bufferBytes?: number): Promise<void>
  /** Where the server keeps its streams. */
  natsDir: string
  /** The server stops; what it returns starts it again on its data, at the same port. */
  stopNats(): Promise<() => Promise<void>>
  /** How often each text is stored. */
  stored(): Promise<Record<string, number>>
  stop(): Promise<void>
}

export async function startBuffering(options: { bufferBytes?: number } = {}): Promise<Buffering> {
  const log = createFakeLog()
  const dir = await mkdtemp(join(tmpdir(), 'holdpoint-buffer-nats-'))
  let nats = await startNats({ dir, port: await steadyPort() })
  const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-buffer-'))
  await fillMigrated(dataDir)
  const engine: Engine = createEngine({ dataDir, port: 0, database: 'holdpoint' }, { log })
  await engine.start()
  const store = createStore(engine.writer)
  await store.migrate()
  const connections: NatsConnection[] = []
  const buffers: Buffer[] = []
  const open = async (): Promise<NatsConnection> => {
    const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
    connections.push(nc)
    return nc
  }
  const nc = await open()
  const addStreams = async (bufferBytes = options.bufferBytes): Promise<void> => {
    const { streams } = await jetstreamManager(nc)
    for (const stream of streamsOf(1, 1, bufferBytes))
      if (OWN.includes(stream.name)) await streams.add(stream)
  }
  await addStreams()

  const preparing = (faults: Faults) => (guard: Guard) => ({
    async prepare(batch: Batch) {
      await faults.prepare?.(batch)
      const rows = batch.pieces.length
      const block = {
        table: 'otel_logs',
        columns: ['Timestamp', 'Body'],
        rows,
        data: Buffer.concat(batch.pieces.map(rowOf)),
      }
      return {
        async commit() {
          await guard.before()
          await faults.before?.(batch)
          await store.insertRows(block, batch.token)
          guard.after()
          await faults.after?.(batch)
        },
      }
    },
  })

  return {
    nc,
    store,
    log,
    connect: open,
    natsDir: dir,
    addStreams,
    async stopNats() {
      await nats.stop()
      const port = Number(new URL(nats.url).port)
      return async () => {
        nats = await startNats({ dir, port })
      }
    },
    async start({ faults = {}, elapsed, nc: own, ...over } = {}) {
      const buffer = createBuffer(
        { lanes: 1, bufferBytes: 2 ** 30, takeoverMs: 600, pollMs: 50, lingerMs: 10, ...over },
        {
          nc: own ?? (await open()),
          storing: preparing(faults),
          now: Date.now,
          log,
          ...(elapsed === undefined ? {} : { elapsed }),
        },
      )
      await buffer.start()
      buffers.push(buffer)
      return buffer
    },
    async stored() {
      const rows = await store.query<{ Body: string; times: number }>(
        'SELECT Body, count() AS times FROM otel_logs GROUP BY Body',
      )
      return Object.fromEntries(rows.map(({ Body, times }) => [Body, Number(times)]))
    },
    async stop() {
      await Promise.all(buffers.map((buffer) => buffer.stop()))
      for (const one of connections) await one.close()
      await store.close()
      await engine.stop()
      await nats.stop()
      for (const folder of [dataDir, dir]) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** In RowBinary: nanoseconds, and a text behind its length in seven bits a byte. */
function rowOf({ receivedAtMs, body }: Piece): Uint8Array {
  const head = Buffer.alloc(8)
  head.writeBigInt64LE(BigInt(receivedAtMs) * 1_000_000n)
  const length: number[] = []
  for (let left = body.length; left > 0 || length.length === 0; left >>>= 7)
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
  return Buffer.concat([head, Buffer.from(length), body])
}

const OWN: string[] = [TELEMETRY_STREAM, TELEMETRY_CURSOR_STREAM, TELEMETRY_DEAD_STREAM]

/** One request of as many pieces as texts. */
export function request(texts: string[], signal: Signal = 'logs') {
  const pieces = texts.map((text) => Buffer.from(text))
  return {
    signal,
    pieces,
    items: texts.length,
    receivedAtMs: Date.now(),
    digest: digestRequest(signal, pieces),
  }
}

/** What happens only to the first so many calls. */
export function times(count: number, happens: (batch: Batch) => Promise<void> | void) {
  let calls = 0
  return (batch: Batch) => (calls++ < count ? happens(batch) : undefined)
}

export const away = (): never => {
  throw new HoldpointError('UNAVAILABLE', 'ClickHouse cannot be reached', { retryable: true })
}
export const refusing = (poison: string) => (batch: Batch) => {
  const found = batch.pieces.some(({ body }) => Buffer.from(body).toString() === poison)
  if (found) throw new HoldpointError('INVALID_INPUT', `${poison} is refused`)
}

/** A line on which everything can be made to wait, as for a process that is paused. */
export function pausable(nc: NatsConnection) {
  let gate = Promise.resolve()
  let open = (): void => {}
  const waiting =
    (name: 'request' | 'requestMany') =>
    async (...args: unknown[]) => {
      await gate
      return (nc[name] as (...args: unknown[]) => unknown)(...args)
    }
  return {
    nc: replacing(nc, { request: waiting('request'), requestMany: waiting('requestMany') }),
    pause() {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      open = resolve
    },
    goOn: () => open(),
  }
}

/** A line on which this share of the answers is lost, once it has begun, after what was asked has been done. */
export function losingAnswers(nc: NatsConnection, share: number) {
  const random = createRandom(7)
  let hasBegun = false
  const request: NatsConnection['request'] = async (...args) => {
    const answer = await nc.request(...args)
    if (hasBegun && random() < share) throw new Error('timeout')
    return answer
  }
  const begin = (): void => {
    hasBegun = true
  }
  return { nc: replacing(nc, { request }), begin }
}

/** A line on which this message of each answer of several is lost, or all from there on. */
export function losingParts(nc: NatsConnection, { at, all = false }: { at: number; all?: boolean }) {
  const requestMany: NatsConnection['requestMany'] = async (subject, data, options) => {
    const answers = await nc.requestMany(subject, data, { ...options, maxWait: 200 })
    return (async function* () {
      let number = 0
      for await (const answer of answers) {
        const isLost = all ? number >= at : number === at
        number++
        if (!isLost) yield answer
      }
    })() as unknown as Awaited<ReturnType<NatsConnection['requestMany']>>
  }
  return replacing(nc, { requestMany })
}

const replacing = (nc: NatsConnection, own: Record<string, unknown>): NatsConnection =>
  new Proxy(nc, {
    get(target, name) {
      if (typeof name === 'string' && name in own) return own[name]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

/** Texts that each are sent by one test alone, and how often they are stored. */
export function textsOf(scene: () => Buffering) {
  let counter = 0
  const once = (texts: string[]) => Object.fromEntries(texts.map((text) => [text, 1]))
  const storedOf = async (texts: string[]) => {
    const all = await scene().stored()
    return Object.fromEntries(texts.flatMap((text) => (text in all ? [[text, all[text]]] : [])))
  }
  return {
    fresh: (count: number): string[] => Array.from({ length: count }, () => `text ${++counter}`),
    once,
    storedOf,
    allOnce: (texts: string[]) => expect.poll(() => storedOf(texts), WAITING).toEqual(once(texts)),
  }
}
