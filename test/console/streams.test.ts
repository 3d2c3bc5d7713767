import { expect, test, vi } from 'vitest'
import type { Session } from '#identity'
import { createStreams, type Viewer } from '../../src/console/live/streams.ts'

const session: Session = {
  person: { iss: 'i', sub: 's', name: 'n', groups: [], assurance: 'login', service: false },
  token: 't',
  csrf: 'c',
  expiresAtMs: 0,
}
const viewer = (signal = new AbortController().signal): Viewer => ({
  sessionId: 'one',
  session,
  again: async () => session,
  signal,
})
const streamsOf = () => createStreams({ heartbeatMs: 3_600_000, mostPerSession: 4, most: 1 })

test('streams - a browser that has gone before its stream begins leaves nothing behind', async () => {
  const streams = streamsOf()
  const stop = vi.fn()
  const response = streams.open(viewer(AbortSignal.abort()), () => stop)
  await response.text()
  expect(stop).toHaveBeenCalled()
  expect(streams.open(viewer(), () => stop).status).toBe(200)
})

test('streams - one that its own beginning is too much for is let go of', async () => {
  const streams = streamsOf()
  const stop = vi.fn()
  const response = streams.open(viewer(), (send) => {
    send('row', 'x'.repeat(600_000))
    send('row', 'x')
    return stop
  })
  await response.text()
  expect(stop).toHaveBeenCalled()
  expect(streams.open(viewer(), () => stop).status).toBe(200)
})

test('streams - one that cannot begin holds no place', () => {
  const streams = streamsOf()
  const fail = () => {
    throw new Error('closed')
  }
  expect(() => streams.open(viewer(), fail)).toThrow('closed')
  expect(() => streams.open(viewer(), fail)).toThrow('closed')
})
