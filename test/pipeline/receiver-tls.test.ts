import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TlsConfig } from '../../src/pipeline/receive/access/tls.ts'
import { METHOD, openClient } from './grpc-client.ts'
import {
  BODY,
  createReceiving,
  folder,
  openRaw,
  PROTOBUF,
  post,
  type Receiving,
  startReceiving,
} from './receiving.ts'

const path = (name: string): string => join(import.meta.dirname, 'pki', name)
const pem = (name: string): Buffer => readFileSync(path(name))
const SERVER = { cert: path('server.pem'), key: path('server.key') }
const MUTUAL = { ...SERVER, clientCa: path('authority.pem') }

/** Who shows which certificate. */
type Sender = { cert?: Buffer; key?: Buffer }
const SENDER = { cert: pem('sender.pem'), key: pem('sender.key') }
const STRANGER = { cert: pem('stranger.pem'), key: pem('stranger.key') }
/** Of the right authority, for another purpose. */
const NO_CLIENT = { cert: pem('server.pem'), key: pem('server.key') }

async function postHttps(
  { httpPort }: Receiving,
  sender: Sender = {},
  { method = 'POST', at = '/v1/traces' } = {},
): Promise<number | undefined> {
  const call = request({
    port: httpPort(),
    host: 'localhost',
    path: at,
    method,
    headers: { 'content-type': PROTOBUF },
    ca: pem('authority.pem'),
    agent: false,
    ...sender,
  })
  call.end(method === 'POST' ? BODY : undefined)
  const [response] = await once(call, 'response')
  response.resume()
  return response.statusCode
}

/** One request on a connection of its own, resumed where there is a session; and the session it ended with. */
async function sendOnce(
  { httpPort }: Receiving,
  sender: Sender,
  session?: Buffer,
): Promise<{ status: number; isResumed: boolean; session: Buffer | undefined }> {
  const socket = connectTls({
    port: httpPort(),
    host: 'localhost',
    ca: pem('authority.pem'),
    ...sender,
    ...(session === undefined ? {} : { session }),
  })
  let last: Buffer | undefined
  let isResumed = false
  let said = ''
  socket.on('secureConnect', () => {
    isResumed = socket.isSessionReused()
  })
  socket.on('session', (one) => {
    last = one
  })
  socket.on('data', (chunk) => {
    said += chunk
  })
  socket.write(`POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: ${PROTOBUF}\r\nContent-Length: 0\r\n`)
  socket.write('Connection: close\r\n\r\n')
  await once(socket, 'close')
  return { status: Number(said.split(' ')[1]), isResumed, session: last }
}

const callGrpc = ({ grpcPort }: Receiving, { cert, key }: Sender = {}) =>
  openClient(
    grpcPort(),
    {},
    credentials.createSsl(pem('authority.pem'), key ?? null, cert ?? null),
  )(METHOD.traces, BODY)

const OK = { message: Buffer.alloc(0) }

describe('TLS', () => {
  it('receiver - with a certificate, both protocols are spoken over TLS', async () => {
    const receiving = await startReceiving({ tls: SERVER })
    expect(await postHttps(receiving)).toBe(200)
    expect(await callGrpc(receiving)).toEqual(OK)
    expect(receiving.received.map(({ body }) => body)).toEqual([BODY, BODY])
  })

  it('receiver - with a certificate, nothing is received without TLS', async () => {
    const receiving = await startReceiving({ tls: SERVER })
    await expect(post(receiving.url(), BODY)).rejects.toThrow()
    expect(await openClient(receiving.grpcPort())(METHOD.traces, BODY)).toMatchObject({ code: 14 })
    expect(receiving.received).toEqual([])
  })

  it('receiver - whoever opens a connection and never begins with TLS is cut off', async () => {
    const receiving = await startReceiving({ tls: SERVER, requestTimeoutMs: 100 })
    await Promise.all([openRaw(receiving.httpPort()).closed, openRaw(receiving.grpcPort()).closed])
  })

  it('receiver - TLS 1.1 is not spoken', async () => {
    const receiving = await startReceiving({ tls: SERVER })
    const socket = connectTls({
      port: receiving.httpPort(),
      ca: pem('authority.pem'),
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    await expect(once(socket, 'secureConnect')).rejects.toThrow()
  })
})

describe('certificates of senders', () => {
  it('receiver - a sender with a certificate of the authority may send', async () => {
    const receiving = await startReceiving({ tls: MUTUAL })
    expect(await postHttps(receiving, SENDER)).toBe(200)
    expect(await callGrpc(receiving, SENDER)).toEqual(OK)
  })

  it.each<[string, Sender]>([
    ['without a certificate', {}],
    ['with a certificate of strangers', STRANGER],
    ['with a certificate that is none for clients', NO_CLIENT],
  ])('receiver - a sender %s may not send', async (_, sender) => {
    const receiving = await startReceiving({ tls: MUTUAL })
    expect(await postHttps(receiving, sender)).toBe(401)
    expect(await callGrpc(receiving, sender)).toMatchObject({ code: 14 })
    expect(receiving.received).toEqual([])
  })

  it('receiver - a session that is resumed is no certificate', async () => {
    const receiving = await startReceiving({ tls: MUTUAL })
    const stranger = await sendOnce(receiving, {})
    expect(stranger.status).toBe(401)
    expect(await sendOnce(receiving, {}, stranger.session)).toMatchObject({ status: 401, isResumed: true })
    const sender = await sendOnce(receiving, SENDER)
    expect(await sendOnce(receiving, SENDER, sender.session)).toMatchObject({ status: 200, isResumed: true })
  })

  it('receiver - once another authority is named, those of the one before may not send, nor resume', async () => {
    const clientCa = join(folder(), 'ca.crt')
    copyFileSync(path('authority.pem'), clientCa)
    const receiving = await startReceiving({ tls: { ...SERVER, clientCa } })
    const before = await sendOnce(receiving, SENDER)
    expect(before.status).toBe(200)
    copyFileSync(path('strangers.pem'), clientCa)
    receiving.clock.nowMs += 1_000
    expect((await sendOnce(receiving, SENDER, before.session)).status).toBe(401)
    expect((await sendOnce(receiving, SENDER)).status).toBe(401)
    expect((await sendOnce(receiving, STRANGER)).status).toBe(200)
  })

  it('receiver - probes need no certificate', async () => {
    const receiving = await startReceiving({ tls: MUTUAL })
    for (const at of ['/healthz', '/readyz'])
      expect(await postHttps(receiving, {}, { method: 'GET', at })).toBe(200)
  })
})

describe('certificates that change', () => {
  async function certificateOf(port: number): Promise<string> {
    const ALPNProtocols = ['h2', 'http/1.1']
    const socket: TLSSocket = connectTls({ port, host: 'localhost', ca: pem('authority.pem'), ALPNProtocols })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    return String(socket.getPeerCertificate().subject.CN)
  }

  async function startFrom(): Promise<Receiving & { cert: string; key: string }> {
    const at = folder()
    const [cert, key] = [join(at, 'tls.crt'), join(at, 'tls.key')]
    copyFileSync(path('server.pem'), cert)
    copyFileSync(path('server.key'), key)
    return Object.assign(await startReceiving({ tls: { cert, key } }), { cert, key })
  }

  it('receiver - new ones are used for new connections of both protocols, without a restart', async () => {
    const receiving = await startFrom()
    expect(await certificateOf(receiving.httpPort())).toBe('server.test')
    copyFileSync(path('renewed.pem'), receiving.cert)
    copyFileSync(path('renewed.key'), receiving.key)
    receiving.clock.nowMs += 1_000
    expect(await certificateOf(receiving.httpPort())).toBe('renewed.test')
    expect(await certificateOf(receiving.grpcPort())).toBe('renewed.test')
    expect(await callGrpc(receiving)).toEqual(OK)
  })

  it('receiver - while new ones do not fit, those before go on, and the log says so', async () => {
    const receiving = await startFrom()
    copyFileSync(path('renewed.pem'), receiving.cert)
    receiving.clock.nowMs += 1_000
    expect(await certificateOf(receiving.httpPort())).toBe('server.test')
    expect(receiving.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
    copyFileSync(path('renewed.key'), receiving.key)
    receiving.clock.nowMs += 1_000
    expect(await certificateOf(receiving.httpPort())).toBe('renewed.test')
  })
})

describe('what cannot be used stops the start', () => {
  const start = (tls: TlsConfig) => {
    const receiving = createReceiving({ tls })
    onTestFinished(() => receiving.stop())
    return receiving.start()
  }
  const written = (text: string): string => {
    const at = join(folder(), 'file.pem')
    writeFileSync(at, text)
    return at
  }

  it.each<[string, TlsConfig]>([
    ['cert', { ...SERVER, cert: '/nowhere/tls.crt' }],
    ['key', { ...SERVER, key: '/nowhere/tls.key' }],
    ['clientCa', { ...MUTUAL, clientCa: '/nowhere/ca.crt' }],
  ])('receiver - a missing file for pipeline.tls.%s', async (key, tls) => {
    const file = Object.values(tls).find((one) => one.startsWith('/nowhere'))
    await expect(start(tls)).rejects.toThrow(`pipeline.tls.${key}: ${file} cannot be read: ENOENT`)
  })

  it('receiver - files that are something else', async () => {
    const empty = written('')
    await expect(start({ ...SERVER, cert: empty })).rejects.toThrow(
      `pipeline.tls.cert: ${empty} cannot be used`,
    )
    const swapped = { cert: SERVER.key, key: SERVER.cert }
    await expect(start(swapped)).rejects.toThrow(
      `pipeline.tls.cert: ${SERVER.key} cannot be used: it holds no certificate in PEM`,
    )
    const other = { ...SERVER, key: path('renewed.key') }
    await expect(start(other)).rejects.toThrow(
      `pipeline.tls.key: ${other.key} cannot be used: it is not the key of the certificate in pipeline.tls.cert`,
    )
    const notes = written('the authority of senders')
    await expect(start({ ...SERVER, clientCa: notes })).rejects.toThrow(
      `pipeline.tls.clientCa: ${notes} cannot be used`,
    )
    const mutual = { ...SERVER, clientCa: SERVER.key }
    await expect(start(mutual)).rejects.toThrow(`pipeline.tls.clientCa: ${SERVER.key} cannot be used`)
  })

  it('receiver - a certificate without its key, and the reverse', () => {
    expect(() => createReceiving({ tls: { cert: SERVER.cert } })).toThrow('pipeline.tls.key is missing')
    expect(() => createReceiving({ tls: { key: SERVER.key } })).toThrow('pipeline.tls.cert is missing')
    expect(() => createReceiving({ tls: { clientCa: MUTUAL.clientCa } })).toThrow(
      'pipeline.tls.cert is missing',
    )
  })
})
