import { afterAll, beforeAll, expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { WAITING } from './buffering.ts'
import { type Client, freshTrace, type Pipeline, startClient } from './client.ts'
import { UNASKED_ATTRIBUTES } from './entries.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
  // It would store what others have accepted.
  await client.pipeline.stop()
})
afterAll(() => client?.scene.stop())

const start = (insertRows?: () => Promise<void>): Promise<Pipeline> =>
  client.scene.startPipeline({ mode: 'buffered', store: insertRows ? { insertRows } : {} })
const away = (): never => {
  throw new HoldpointError('UNAVAILABLE', 'ClickHouse cannot be reached', { retryable: true })
}

test('buffered - a span is judged and stored, once when it is sent again', async () => {
  const pipeline = await start()
  const trace = freshTrace()
  const body = client.bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
  for (let time = 0; time < 3; time++)
    expect((await client.post(body, client.endpoint(pipeline))).status).toBe(200)
  const found = async () => (await client.read(trace)).finding
  await expect.poll(found, WAITING).toMatchObject({ request_id: '', outcome: 'executed' })
  await pipeline.stop()
  expect(await client.countSpans(trace)).toBe(1)
})

test('buffered - while the store is away requests are accepted, and stored when it is back', async () => {
  let isAway = true
  const { store } = client.scene
  const pipeline = await client.scene.startPipeline({
    mode: 'buffered',
    store: { insertRows: (block, token) => (isAway ? away() : store.insertRows(block, token)) },
  })
  const traces = Array.from({ length: 10 }, freshTrace)
  for (const trace of traces) {
    const body = client.bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
    expect((await client.post(body, client.endpoint(pipeline))).status).toBe(200)
  }
  expect(await client.countSpans(traces[0] ?? freshTrace())).toBe(0)
  isAway = false
  const counts = () => Promise.all(traces.map(client.countSpans))
  await expect.poll(counts, WAITING).toEqual(traces.map(() => 1))
  await pipeline.stop()
})

test('buffered - what a pipeline leaves in the buffer is stored by one that acknowledges directly', async () => {
  const before = await start(async () => away())
  const trace = freshTrace()
  const body = client.bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
  expect((await client.post(body, client.endpoint(before))).status).toBe(200)
  await before.stop()
  const after = await client.scene.startPipeline({ mode: 'direct' })
  await expect.poll(() => client.countSpans(trace), WAITING).toBe(1)
  await after.stop()
})

test('buffered - a table that is missing is mended, and no batch is at fault', async () => {
  const { store, log } = client.scene
  const pipeline = await start()
  await store.query('RENAME TABLE otel_traces TO elsewhere')
  const trace = freshTrace()
  const body = client.bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
  expect((await client.post(body, client.endpoint(pipeline))).status).toBe(200)
  await expect.poll(() => log.lines.at(-1)?.message, WAITING).toBe('storing telemetry still waits')
  await store.query('RENAME TABLE elsewhere TO otel_traces')
  await expect.poll(() => client.countSpans(trace), WAITING).toBe(1)
  await pipeline.stop()
  expect(log.lines.map(({ message }) => message)).not.toContain(
    'telemetry that cannot be stored was put aside',
  )
})
