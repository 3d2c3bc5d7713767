import { afterAll, beforeAll, expect, test } from 'vitest'
import { ATTR } from '#contract'
import { type Client, freshTrace, startClient } from './client.ts'
import { APPROVED_ATTRIBUTES, decided, outcome, requested, spent } from './entries.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

const used = (requestId: string, trace = freshTrace()) => ({
  trace,
  entries: [
    requested({ requestId, trace }),
    decided({ requestId }),
    spent({ requestId, trace }),
    outcome({ requestId }),
  ],
  attributes: { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: requestId },
})

const rowsOf = (requestId: string) =>
  client.scene.store.query<{ origin: string; type: string }>(
    'SELECT origin, type FROM holdpoint_ledger FINAL WHERE request_id = {requestId:String} ORDER BY ledger_index',
    { requestId },
  )

test('epochs - one that nobody signed who may is not read: what only it knows is forged', async () => {
  const { trace, entries, attributes } = used('2-forged')
  await client.scene.beginEpoch(2, entries, { signed: false })
  expect((await client.send({ attributes, trace })).finding).toMatchObject({ verification: 'forged' })
})

test('epochs - a span of a request in an epoch that has just begun is verified at once', async () => {
  const { trace, entries, attributes } = used('2-new')
  await client.scene.beginEpoch(2, entries)
  expect((await client.send({ attributes, trace })).finding).toMatchObject({ verification: 'verified' })
  const types = ['requested', 'decided', 'spent', 'outcome']
  await expect.poll(() => rowsOf('2-new')).toEqual(types.map((type) => ({ origin: '2', type })))
})

test('epochs - what is said of a request in an older one is still compared', async () => {
  const { trace, attributes } = await client.approvedRequest()
  expect((await client.send({ attributes, trace })).finding).toMatchObject({ verification: 'verified' })
})
