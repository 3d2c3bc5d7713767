import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { http } from '../../../instrumentation/http/index.ts'
import { type HttpScene, startHttpScene } from './scene.ts'

let scene: HttpScene
let server: http2.Http2Server
let session: http2.ClientHttp2Session
const received: string[] = []

beforeAll(async () => {
  scene = await startHttpScene()
  http.patch(http2 as never, scene.gate)
  server = http2.createServer((request, response) => {
    received.push(`${request.method} ${request.url}`)
    response.end('done')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
afterAll(async () => {
  session?.destroy()
  server?.close()
  await scene?.stop()
})
afterEach(() => {
  scene.reset()
  received.length = 0
})

const answered = (headers: object) =>
  new Promise((resolve, reject) => {
    const stream = session.request(headers as never)
    stream.on('response', (one) => resolve(one[':status'])).on('error', reject)
    stream.resume().end()
  })

test('http2 - what policy allows passes', async () => {
  expect(await answered({ ':method': 'POST', ':path': '/v1/models' })).toBe(200)
  expect(received).toEqual(['POST /v1/models'])
})

test.each([
  [{ ':method': 'DELETE', ':path': '/v1/customers/7' }, 'APPROVAL_IMPOSSIBLE'],
  [{ ':method': 'DELETE', ':path': '/v1/a/../customers/7' }, 'APPROVAL_IMPOSSIBLE'],
  [{ ':method': 'POST', ':path': '/v1/payments' }, 'APPROVAL_IMPOSSIBLE'],
  [{ ':path': '/x', ':authority': 'vault.example.com' }, 'APPROVAL_IMPOSSIBLE'],
  [{ ':path': '/admin' }, 'POLICY_DENIED'],
])('http2 - %j cannot wait, and is refused with the reason', async (headers, code) => {
  await expect(answered(headers)).rejects.toMatchObject({ name: 'HoldpointRefused', code })
  expect(received).toEqual([])
  expect(scene.broker.requests).toEqual([])
})
