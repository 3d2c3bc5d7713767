import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMetricsServer, type HttpServer } from '#runtime'
import { createFakeLog } from '../support/log.ts'

const log = createFakeLog()
let server: HttpServer
let text: () => Promise<string> = async () => '# none\n'
let why: string | undefined
beforeAll(async () => {
  const deps = { exposition: () => text(), whyNotReady: () => why, log }
  server = createMetricsServer({ host: '127.0.0.1', port: 0 }, deps)
  await server.start()
})
afterAll(() => server.stop())

const get = (path: string, init?: RequestInit) => fetch(`${server.url()}${path}`, init)

test('metrics server - it has metrics, health and readiness, and says why it is not ready', async () => {
  const metrics = await get('/metrics')
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(metrics.headers.get('cache-control')).toBe('no-store')
  expect(await metrics.text()).toBe('# none\n')
  expect(await (await get('/healthz')).json()).toEqual({ status: 'alive' })
  expect((await get('/readyz')).status).toBe(200)
  why = 'NATS cannot be reached'
  const notReady = await get('/readyz')
  expect([notReady.status, await notReady.json()]).toEqual([503, { status: 'not ready', reason: why }])
  // Alive all the same: a restart would not bring NATS back.
  expect((await get('/healthz')).status).toBe(200)
})

test.each(['/', '/metrics/', '/metricsx', '/v1/traces', '/constructor', '/__proto__'])(
  'metrics server - there is nothing at %s',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  },
)

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('metrics server - %s changes nothing', async (method) => {
  const response = await get('/metrics', { method })
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})

test('metrics server - what goes wrong is for the log, and not for whoever asks', async () => {
  text = () => Promise.reject(new Error('secret-of-the-house'))
  const response = await get('/metrics')
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('secret')
  expect(JSON.stringify(log.lines)).toContain('metrics could not be read')
})

test('metrics server - a port that is taken stops the start', async () => {
  const port = server.port()
  const deps = { exposition: async () => '', whyNotReady: () => undefined, log }
  const second = createMetricsServer({ host: '127.0.0.1', port }, deps)
  await expect(second.start()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining(`${port}`),
  })
})
