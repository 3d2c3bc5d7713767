import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Accepted } from '../../src/pipeline/otlp/signal.ts'
import {
  BODY,
  createReceiving,
  decodeStatus,
  post as postTo,
  type Receiving,
  type Status,
  startReceiving,
} from './receiving.ts'

let receiving: Receiving
beforeAll(async () => {
  receiving = createReceiving()
  await receiving.start()
})
afterAll(() => receiving.stop())
beforeEach(() => {
  receiving.received = []
  receiving.become = () => ({ rejected: 0 })
})

const _post = (body: Uint8Array | string, headers?: Record<string, string>) =>
  postTo(receiving.url(), body, headers)
const _statusOf = async (response: Response): Promise<Status> =>
  decodeStatus(new Uint8Array(await response.arrayBuffer()))

describe('probes', () => {
  it('receiver - it says that it is alive, and that it is ready', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const response = await fetch(receiving.url(path))
      expect([response.status, await response.json()]).toEqual([200, { ok: true }])
    }
  })

  it('receiver - while nothing can be accepted it is alive, and says why it is not ready', async () => {
    let why: string | undefined = 'NATS cannot be reached'
    const other = await startReceiving({}, { whyNotReady: () => why })
    expect((await fetch(other.url('/healthz'))).status).toBe(200)
    const response = await fetch(other.url('/readyz'))
    expect([response.status, await response.json()]).toEqual([503, { ok: false, reason: why }])
    why = undefined
    expect((await fetch(other.url('/readyz'))).status).toBe(200)
  })
})

describe('ports', () => {
  it('receiver - a port that is taken stops the start, with its key, and nothing is left listening', async () => {
    const taken = receiving.httpPort()
    await expect(startReceiving({ port: taken })).rejects.toThrow(
      `pipeline.port: port ${taken} on 127.0.0.1 is taken`,
    )
    const other = createReceiving({ grpcPort: taken })
    await expect(other.start()).rejects.toThrow(`pipeline.grpcPort: port ${taken} on 127.0.0.1 is taken`)
    await expect(fetch(other.url('/healthz'))).rejects.toThrow()
  })

  it('receiver - where ports are flexible, the next free ones are taken', async () => {
    const taken = receiving.httpPort()
    const other = await startReceiving({ port: taken, grpcPort: taken, isPortFlexible: true })
    expect(new Set([taken, other.httpPort(), other.grpcPort()]).size).toBe(3)
    expect(other.httpPort()).toBeGreaterThan(taken)
    expect((await postTo(other.url(), BODY)).status).toBe(200)
  })

  it('receiver - nobody is told of a port before there is one', () => {
    expect(() => createReceiving().httpPort()).toThrow('have not been started')
    expect(() => createReceiving().grpcPort()).toThrow('have not been started')
  })
})

describe('stopping', () => {
  it('receiver - what has begun is finished, nothing new is taken, and it may be asked twice', async () => {
    const other = await startReceiving()
    const gate = Promise.withResolvers<Accepted>()
    const begun = Promise.withResolvers<void>()
    other.become = () => {
      begun.resolve()
      return gate.promise
    }
    const open = post200(other.url())
    await begun.promise
    const stopped = Promise.all([other.stop(), other.stop()])
    await expect(postTo(other.url(), BODY)).rejects.toThrow()
    gate.resolve({ rejected: 0 })
    expect(await open).toBe(200)
    await stopped
    await other.stop()
  })

  it('receiver - what takes too long is cut off', async () => {
    const other = await startReceiving({ drainMs: 50 })
    const begun = Promise.withResolvers<void>()
    other.become = () => {
      begun.resolve()
      return new Promise(() => {})
    }
    const open = postTo(other.url(), BODY)
    open.catch(() => {})
    await begun.promise
    await other.stop()
    await expect(open).rejects.toThrow()
  })

  it('receiver - one that was never started can be stopped', async () => {
    await expect(createReceiving().stop()).resolves.toBeUndefined()
  })
})

const post200 = async (url: string): Promise<number> => (await postTo(url, BODY)).status
