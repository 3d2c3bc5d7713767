import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createHttpServer, createLog, type HttpServer } from '#runtime'

const log = createLog({ name: 'test', level: 'silent' })
const open: (HttpServer | Server)[] = []
afterEach(async () => {
  for (const one of open.splice(0))
    await ('stop' in one ? one.stop() : new Promise((resolve) => one.close(resolve)))
})

function serverOf(fetch: Parameters<typeof createHttpServer>[1]['fetch'], more: object = {}): HttpServer {
  const server = createHttpServer({ name: 'console', host: '127.0.0.1', port: 0, ...more }, { fetch, log })
  open.push(server)
  return server
}

async function occupy(): Promise<number> {
  const other = createServer()
  open.push(other)
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  return (other.address() as { port: number }).port
}

test('http server - answers where it says that it listens', async () => {
  const server = serverOf((request) => new Response(`you asked for ${new URL(request.url).pathname}`))
  await server.start()
  const answer = await fetch(`${server.url()}/somewhere`)
  expect(await answer.text()).toBe('you asked for /somewhere')
})

test('http server - a taken port fails the start and is named', async () => {
  const port = await occupy()
  const server = serverOf(() => new Response(''), { port })
  await expect(server.start()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining(String(port)),
  })
})

test('http server - where ports are flexible, a taken one is passed over', async () => {
  const port = await occupy()
  const server = serverOf(() => new Response('here'), { port, isPortFlexible: true })
  await server.start()
  expect(server.port()).toBeGreaterThan(port)
  expect(await (await fetch(server.url())).text()).toBe('here')
})

test('http server - says nothing of a port that it does not have', () => {
  expect(() => serverOf(() => new Response('')).port()).toThrow('has not been started')
})

test('http server - a stop lets a request under way be answered, and takes no other', async () => {
  const asked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const server = serverOf(async () => {
    asked.resolve()
    await release.promise
    return new Response('answered')
  })
  await server.start()
  const url = server.url()
  const answer = fetch(url)
  await asked.promise
  const stopped = server.stop()
  await expect(fetch(url)).rejects.toThrow('fetch failed')
  release.resolve()
  expect(await (await answer).text()).toBe('answered')
  await stopped
  await server.stop()
})

test('http server - a stop ends what would stream for ever', async () => {
  const cancelled = Promise.withResolvers<void>()
  const server = serverOf(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('first')),
          cancel: () => cancelled.resolve(),
        }),
      ),
  )
  await server.start()
  const answer = await fetch(server.url())
  const reader = answer.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first')
  const ended = reader?.read().then(
    ({ done }) => done,
    () => true,
  )
  await server.stop()
  expect(await ended).toBe(true)
  await cancelled.promise
})
