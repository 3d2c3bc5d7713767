import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { missingProtection } from '../../src/pipeline/receive/access/exposure.ts'
import { parseTokens } from '../../src/pipeline/receive/access/tokens.ts'
import { callRaw, framed, HEALTH, METHOD, openClient } from './grpc-client.ts'
import { BODY, createReceiving, decodeStatus, folder, PROTOBUF, post, startReceiving } from './receiving.ts'

const TOKEN = 'first-0123456789abcdef'
const OTHER = 'other-0123456789abcdef'
const OK = { message: Buffer.alloc(0) }

async function startWith(text: string) {
  const file = join(folder(), 'tokens')
  writeFileSync(file, text)
  const receiving = await startReceiving({ tokens: file })
  return {
    ...receiving,
    receiving,
    file,
    write(next: string): void {
      writeFileSync(file, next)
      receiving.clock.nowMs += 1_000
    },
    postWith: (authorization?: string) =>
      post(receiving.url(), BODY, {
        'content-type': PROTOBUF,
        ...(authorization === undefined ? {} : { authorization }),
      }),
  }
}

describe('bearer tokens', () => {
  it('receiver - each token of the file may send, by either protocol', async () => {
    const { postWith, grpcPort } = await startWith(`# agents\n${TOKEN}\n\n  ${OTHER}\r\n`)
    for (const token of [TOKEN, OTHER]) {
      expect((await postWith(`Bearer ${token}`)).status).toBe(200)
      expect((await postWith(`bearer  ${token}`)).status).toBe(200)
      expect(await openClient(grpcPort())(METHOD.traces, BODY, { authorization: `Bearer ${token}` })).toEqual(
        OK,
      )
    }
  })

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['no token', 'Bearer'],
    ['the beginning of one', `Bearer ${TOKEN.slice(0, -1)}`],
    ['more than one', `Bearer ${TOKEN}x`],
    ['two', `Bearer ${TOKEN} ${OTHER}`],
    ['one in other letters', `Bearer ${TOKEN.toUpperCase()}`],
    ['another scheme', `Basic ${TOKEN}`],
    ['no scheme', TOKEN],
    ['a comment of the file', 'Bearer #'],
  ])('receiver - %s may not send, by either protocol', async (_, authorization) => {
    const { receiving, postWith, grpcPort } = await startWith(`# agents\n${TOKEN}\n${OTHER}\n`)
    const response = await postWith(authorization)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(decodeStatus(new Uint8Array(await response.arrayBuffer()))).toMatchObject({ code: 16 })
    const answer = await callRaw(grpcPort(), framed(BODY), {
      headers: authorization === undefined ? {} : { authorization },
    })
    expect(answer['grpc-status']).toBe('16')
    expect(receiving.received).toEqual([])
  })

  it('receiver - a sender without a token is refused before it has sent anything', async () => {
    const { grpcPort } = await startWith(TOKEN)
    expect((await callRaw(grpcPort(), Buffer.alloc(0), { ends: false }))['grpc-status']).toBe('16')
  })

  it('receiver - probes need no token', async () => {
    const { receiving, grpcPort } = await startWith(TOKEN)
    for (const path of ['/healthz', '/readyz']) expect((await fetch(receiving.url(path))).status).toBe(200)
    expect(await openClient(grpcPort())(HEALTH, Buffer.alloc(0))).toEqual({ message: Buffer.from([8, 1]) })
  })
})

describe('tokens that change', () => {
  it('receiver - a new token may send and an old one may not, within a second and without a restart', async () => {
    const { write, postWith, receiving } = await startWith(TOKEN)
    write(OTHER)
    expect((await postWith(`Bearer ${OTHER}`)).status).toBe(200)
    expect((await postWith(`Bearer ${TOKEN}`)).status).toBe(401)
    expect(receiving.log.lines.filter(({ message }) => message.includes('read again'))).toHaveLength(1)
  })

  it.each([
    ['is empty', (file: string) => writeFileSync(file, '')],
    ['is gone', (file: string) => rmSync(file)],
    ['cannot be used', (file: string) => writeFileSync(file, `${TOKEN}\nshort\n`)],
  ])('receiver - while the file %s nobody may send, and everybody may come again', async (_, change) => {
    const { receiving, file, write, postWith, grpcPort } = await startWith(TOKEN)
    change(file)
    receiving.clock.nowMs += 1_000
    const response = await postWith(`Bearer ${TOKEN}`)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    const reply = await openClient(grpcPort())(METHOD.traces, BODY, { authorization: `Bearer ${TOKEN}` })
    expect(reply).toMatchObject({ code: 14, status: { retryAfterS: 5 } })
    expect(receiving.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
    write(TOKEN)
    expect((await postWith(`Bearer ${TOKEN}`)).status).toBe(200)
  })
})

describe('what cannot be used', () => {
  it.each([
    ['', '/t has no token, expected one on each line'],
    ['# only\n\n# comments', '/t has no token'],
    [`${TOKEN}\nshort-secret`, '/t: line 2 is no token'],
    ['with a space 0123456789', '/t: line 1 is no token'],
    ['grüße-0123456789abcdef', '/t: line 1 is no token'],
    [`${TOKEN} # whose`, '/t: line 1 is no token'],
  ])('receiver - %j is refused, and nothing of it is shown', (text, expected) => {
    const parse = () => parseTokens(text, '/t')
    expect(parse).toThrow(expected)
    expect(parse).not.toThrow(/secret|with a|gr|first/)
  })

  it('receiver - a file of tokens that is not there stops the start', async () => {
    const receiving = createReceiving({ tokens: '/nowhere/tokens' })
    await expect(receiving.start()).rejects.toThrow('pipeline.tokens: /nowhere/tokens cannot be read: ENOENT')
  })
})

describe('what stands between the network and us', () => {
  const nothing = { hasTls: false, hasClientCa: false, hasTokens: false }

  it.each(['127.0.0.1', '127.8.9.10', '::1', '[::1]', 'localhost'])(
    'receiver - on %s nothing is missing',
    (host) => {
      expect(missingProtection(host, nothing)).toEqual([])
    },
  )

  it.each(['0.0.0.0', '::', '10.0.0.7', '128.0.0.1', 'collector.example.com', 'localhost.example.com'])(
    'receiver - on %s both are missing',
    (host) => {
      expect(missingProtection(host, nothing)).toEqual([
        'pipeline.tls.cert and pipeline.tls.key',
        'pipeline.tokens or pipeline.tls.clientCa',
      ])
    },
  )

  it('receiver - senders show a token or a certificate, and either needs TLS', () => {
    const missing = (over: Partial<typeof nothing>) => missingProtection('0.0.0.0', { ...nothing, ...over })
    expect(missing({ hasTokens: true })).toEqual(['pipeline.tls.cert and pipeline.tls.key'])
    expect(missing({ hasTls: true })).toEqual(['pipeline.tokens or pipeline.tls.clientCa'])
    expect(missing({ hasTls: true, hasTokens: true })).toEqual([])
    expect(missing({ hasTls: true, hasClientCa: true })).toEqual([])
  })

  // A name that nobody knows to be loopback, though it is.
  it('receiver - what is missing is said when it starts', async () => {
    const { log } = await startReceiving({ host: '127.1' })
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'OTLP is received from the network without protection: set what is missing',
        fields: {
          host: '127.1',
          missing: ['pipeline.tls.cert and pipeline.tls.key', 'pipeline.tokens or pipeline.tls.clientCa'],
        },
      },
    ])
    expect((await startReceiving()).log.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })
})
