import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { expect, onTestFinished } from 'vitest'
import type { Accepted, ExportRequest } from '../../src/pipeline/otlp/signal.ts'
import {
  createReceivers,
  type Receivers,
  type ReceiversConfig,
  type ReceiversDeps,
} from '../../src/pipeline/receive/receivers.ts'
import { createFakeLog, type FakeLog } from '../support/log.ts'
import { aSpan, encodeProtobuf } from './encode.ts'

export const MAX_BODY_BYTES = 100_000
export const PROTOBUF = 'application/x-protobuf'
export const JSON_TYPE = 'application/json'
export const BODY = encodeProtobuf({ spans: [aSpan()] })

export interface Receiving extends Receivers {
  /** What was handed on, oldest first. */
  received: { signal: string; body: Uint8Array; atMs: number }[]
  /** What becomes of it; may throw. */
  become: (request: ExportRequest) => Accepted | Promise<Accepted>
  log: FakeLog
  /** Moved by hand. */
  clock: { nowMs: number }
  url(path?: string): string
}

/** Receivers on ports of their own, which hand on to a test. */
export function createReceiving(
  over: Partial<ReceiversConfig> = {},
  deps: Partial<ReceiversDeps> = {},
): Receiving {
  const clock = { nowMs: 1_800_000_000_000 }
  const log = createFakeLog()
  const receivers = createReceivers(
    { host: '127.0.0.1', port: 0, grpcPort: 0, maxBodyBytes: MAX_BODY_BYTES, ...over },
    {
      log,
      now: () => clock.nowMs,
      async accept(request, atMs) {
        receiving.received.push({ ...request, body: Uint8Array.from(request.body), atMs })
        return receiving.become(request)
      },
      ...deps,
    },
  )
  const receiving: Receiving = {
    ...receivers,
    received: [],
    become: () => ({ rejected: 0 }),
    log,
    clock,
    url: (path = '/v1/traces') => `http://127.0.0.1:${receivers.httpPort()}${path}`,
  }
  return receiving
}

/** For one test; stopped when it is over. */
export async function startReceiving(
  over?: Partial<ReceiversConfig>,
  deps?: Partial<ReceiversDeps>,
): Promise<Receiving> {
  const receiving = createReceiving(over, deps)
  await receiving.start()
  onTestFinished(() => receiving.stop())
  return receiving
}

export const post = (
  url: string,
  body: Uint8Array | string,
  headers: Record<string, string> = { 'content-type': PROTOBUF },
): Promise<Response> => fetch(url, { method: 'POST', body: body as Uint8Array<ArrayBuffer>, headers })

/** Two of the largest bodies fit in at the same time: of those before, nothing is held any more. */
export async function expectRoom(receiving: Receiving): Promise<void> {
  let statuses: number[] = [0]
  // Whoever has gone away is noticed in a while; what is never given back stays away.
  for (let tries = 0; tries < 50 && !statuses.every((status) => status === 200); tries++)
    statuses = await sendTwo(receiving)
  expect(statuses).toEqual([200, 200])
}

async function sendTwo(receiving: Receiving): Promise<number[]> {
  const gate = Promise.withResolvers<Accepted>()
  const both = Promise.withResolvers<void>()
  let waiting = 0
  receiving.become = () => {
    if (++waiting === 2) both.resolve()
    return gate.promise
  }
  const whole = [1, 2].map(() => post(receiving.url(), Buffer.alloc(MAX_BODY_BYTES)))
  // One that is refused never comes to the gate.
  await Promise.race([both.promise, ...whole])
  gate.resolve({ rejected: 0 })
  return (await Promise.all(whole)).map(({ status }) => status)
}

export interface Status {
  code?: number
  message?: string
  /** Seconds of its RetryInfo. */
  retryAfterS?: number
}

/** google.rpc.Status, read by hand. */
export function decodeStatus(bytes: Uint8Array): Status {
  const status: Status = {}
  eachField(bytes, (no, reader) => {
    if (no === 1) status.code = reader.int32()
    else if (no === 2) status.message = reader.string()
    else if (no === 3) status.retryAfterS = retryInfoOf(reader.bytes())
    else return false
    return true
  })
  return status
}

/** Of an Any that must be a RetryInfo: its one Duration. */
function retryInfoOf(any: Uint8Array): number {
  let type = ''
  let seconds = Number.NaN
  eachField(any, (no, reader) => {
    if (no === 1) type = reader.string()
    else if (no === 2)
      eachField(reader.bytes(), (_, info) =>
        eachField(info.bytes(), (_, duration) => {
          seconds = Number(duration.int64())
          return true
        }),
      )
    return no <= 2
  })
  if (type !== 'type.googleapis.com/google.rpc.RetryInfo') throw new Error(`a detail of type ${type}`)
  return seconds
}

function eachField(bytes: Uint8Array, take: (no: number, reader: BinaryReader) => boolean): true {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [no, wire] = reader.tag()
    if (!take(no, reader)) reader.skip(wire)
  }
  return true
}

/** A connection that says what it likes, and remembers what it was told until it is closed. */
export interface Raw {
  socket: Socket
  said(): string
  /** Resolves when the other end has closed it. */
  closed: Promise<void>
}

export function openRaw(port: number): Raw {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1')
  })
  // A reset is one way of being closed.
  socket.on('error', () => {})
  const closed = once(socket, 'close').then(() => undefined)
  onTestFinished(() => void socket.destroy())
  return { socket, said: () => said, closed }
}

/** A folder for one test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdpoint-receiving-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
