import { expect, test } from 'vitest'
import { agentSubject, encodeMessage } from '#contract'
import { eventually, holdAction } from '../support/held.ts'
import type { TestAgent } from '../support/house.ts'
import { status } from './receiver.ts'
import { endpointOf, messagesOf, startScene } from './scene.ts'

/** Resolves when the broker answers again. What is asked while the line is down is lost. */
const answered = ({ id, process, nc }: TestAgent) =>
  eventually(
    () =>
      nc
        .request(agentSubject(id, 'heartbeat'), encodeMessage({ process, waiting: [] }), { timeout: 200 })
        .catch(() => undefined),
    (answer) => answer !== undefined,
  )

test('webhook - after an outage of NATS events go on, and those before it are not lost', async () => {
  const scene = await startScene()
  const { house, receiver, agent } = scene
  try {
    receiver.answer = status(500)
    await scene.serve({
      endpoints: [endpointOf({ url: receiver.url, events: ['opened'] })],
      retryDelaysMs: [1_000, 100, 100, 100],
    })
    const before = await holdAction(agent)
    await eventually(
      async () => receiver.received,
      (all) => all.length > 0,
    )
    await house.nats.stop()
    await house.nats.start()
    receiver.answer = status(204)
    receiver.received.length = 0
    await answered(agent)
    const after = await holdAction(agent)
    await eventually(
      async () => new Set(messagesOf(receiver).map(({ data }) => data.request.requestId)),
      (told) => told.has(before.requestId) && told.has(after.requestId),
    )
    expect(house.lines.filter((line) => line.includes('webhook given up'))).toEqual([])
  } finally {
    await scene.stop()
  }
})
