import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { freePort, listenFrom } from '#runtime'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})
const server = () => {
  const one = createServer()
  open.push(one)
  return one
}

test('port - a taken one is replaced by the next free one', async () => {
  const taken = await listenFrom(server(), 0)
  const next = await listenFrom(server(), taken)
  expect(next).toBeGreaterThan(taken)
  expect(await freePort(taken)).not.toBe(taken)
})

test('port - 0 is any free one, and freePort leaves it free', async () => {
  const port = await freePort(0)
  expect(port).toBeGreaterThan(0)
  expect(await listenFrom(server(), port)).toBe(port)
})

test('port - an address of somebody else is an error that names it', async () => {
  await expect(listenFrom(server(), 4000, '192.0.2.1')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('192.0.2.1:4000'),
  })
})

test('port - when none is left the error names the range', async () => {
  const last = server()
  await new Promise<void>((listening) => last.listen(65_535, '127.0.0.1', listening))
  await expect(freePort(65_535)).rejects.toMatchObject({ message: expect.stringContaining('65535') })
})
