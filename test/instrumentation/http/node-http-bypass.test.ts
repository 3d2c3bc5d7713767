import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { http as instrumentation } from '../../../instrumentation/http/index.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { type HttpScene, startHttpScene } from './scene.ts'

let scene: HttpScene
let spans: RecordedSpans

beforeAll(async () => {
  spans = recordSpans()
  scene = await startHttpScene()
  instrumentation.patch(http as never, scene.gate)
})
afterAll(async () => {
  await scene?.stop()
  await spans?.stop()
})
afterEach(() => {
  scene.reset()
  spans.reset()
})

/** The answer's text, or the error that the request emits. */
function answerOf(request: http.ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
  })
}

const customer = (id: number) => `${scene.origin}/v1/customers/${id}`

describe('who tries to slip past', () => {
  beforeAll(() => {
    scene.broker.onRequest = () => 'denied'
  })
  const denied = { code: expect.stringMatching(/APPROVAL_DENIED|POLICY_DENIED|APPROVAL_IMPOSSIBLE/) }
  const refused = async (make: () => http.ClientRequest) => {
    scene.broker.onRequest = () => 'denied'
    let request: http.ClientRequest
    try {
      request = make()
    } catch (error) {
      expect(error).toMatchObject(denied)
      return
    }
    await expect(answerOf(request)).rejects.toMatchObject(denied)
  }
  afterEach(() => expect(scene.received).toEqual([]))

  test('http - an allowed request that is changed into another one before its head is written is refused', async () => {
    for (const change of [
      (one: http.ClientRequest) => Object.assign(one, { path: '/v1/customers/1', method: 'DELETE' }),
      (one: http.ClientRequest) => one.setHeader('x-http-method-override', 'DELETE'),
      (one: http.ClientRequest) => one.setHeader('host', 'vault.example.com'),
      (one: http.ClientRequest) => one.setHeader('x-original-url', '/admin'),
    ]) {
      const request = http.request(customer(1), { method: 'POST' })
      const answer = answerOf(request)
      change(request)
      try {
        request.end()
      } catch (error) {
        expect(error).toMatchObject({ name: 'HoldpointRefused', code: 'APPROVAL_IMPOSSIBLE' })
      }
      await expect(answer).rejects.toMatchObject({ code: 'APPROVAL_IMPOSSIBLE' })
    }
  })

  test('http - an agent whose options lead elsewhere is taken for where it leads', async () => {
    const { port } = new URL(scene.origin)
    const elsewhere = http.request('http://vault.example.com/x', {
      agent: new http.Agent({ host: '127.0.0.1', port } as never),
    })
    const answer = answerOf(elsewhere.end())
    const { attempt } = await scene.opened()
    // It connects to one and names the other: the rule for either counts, and people are told.
    expect([attempt.action.target, attempt.doubt]).toEqual([
      'http://vault.example.com',
      expect.stringContaining(scene.origin),
    ])
    scene.broker.decide(scene.broker.requests[0] as never, 'denied')
    await expect(answer).rejects.toMatchObject(denied)
  })

  test('http - a unix socket is its own target', async () => {
    const request = http
      .request({ socketPath: '/nowhere/docker.sock', path: '/containers/create', method: 'POST' })
      .end()
    const answer = answerOf(request)
    const { attempt } = await scene.opened()
    expect(attempt.action).toMatchObject({
      name: 'POST /containers/create',
      target: 'unix:/nowhere/docker.sock',
    })
    scene.broker.decide(scene.broker.requests[0] as never, 'denied')
    await expect(answer).rejects.toMatchObject(denied)
  })

  test('http - an agent that is none of Node’s is ruled on when it brings its connection', async () => {
    const { port } = new URL(scene.origin)
    const agent = {
      addRequest(request: http.ClientRequest) {
        request.onSocket(net.connect(Number(port), '127.0.0.1'))
      },
    }
    await refused(() => http.request(customer(1), { method: 'DELETE', agent: agent as never }).end())
  })

  test('http - a path in absolute form is that of the host it names', async () => {
    const { port } = new URL(scene.origin)
    const request = http.request({ port, host: '127.0.0.1', path: 'http://vault.example.com/x' }).end()
    const answer = answerOf(request)
    const { attempt } = await scene.opened()
    expect(attempt.action).toMatchObject({ name: 'GET /x', target: 'http://vault.example.com' })
    expect(attempt.doubt).toContain(scene.origin)
    scene.broker.decide(scene.broker.requests[0] as never, 'denied')
    await expect(answer).rejects.toMatchObject(denied)
  })

  test('https - a request is held by the same method', async () => {
    scene.broker.onRequest = () => 'denied'
    await expect(
      answerOf(https.request('https://127.0.0.1:1/v1/customers/1', { method: 'DELETE' }).end()),
    ).rejects.toMatchObject(denied)
    expect(scene.broker.requests[0]?.attempt.action.target).toBe('https://127.0.0.1:1')
  })
})
