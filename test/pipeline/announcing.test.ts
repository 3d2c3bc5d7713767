import { jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { FINDING_STREAM, FINDINGS, type Finding, findingShape, parse, type Verification } from '#contract'
import { type FindingRow, unixNanoText } from '#store'
import { createFindings } from '../../src/pipeline/findings.ts'
import { createFakeLog } from '../support/log.ts'
import { startNats, type TestNats } from '../support/nats.ts'

let nats: TestNats
let nc: NatsConnection
beforeAll(async () => {
  nats = await startNats()
  nc = await connect({ servers: nats.url })
})
afterAll(async () => {
  await nc?.close()
  await nats?.stop()
})

let counted: Verification[]
const publish = (rows: FindingRow[]) =>
  createFindings({
    nc,
    log: createFakeLog(),
    measures: { verdict: (one) => void counted.push(one) },
  }).publish(rows)

beforeEach(async () => {
  counted = []
  const { streams } = await jetstreamManager(nc)
  await streams.delete(FINDING_STREAM).catch(() => {})
  await streams.add({
    name: FINDING_STREAM,
    subjects: [FINDINGS],
    storage: StorageType.Memory,
    max_msgs_per_subject: 1,
  })
})

const finding = (verification: Verification, over: Partial<FindingRow> = {}): FindingRow => ({
  trace_id: 'a'.repeat(32),
  span_id: 'b'.repeat(16),
  timestamp: unixNanoText(1_763_000_000_123_456_789n),
  service_name: 'support',
  agent: 'Support agent',
  environment: 'prod',
  kind: 'tool',
  name: 'export',
  target: '',
  ruling: 'hold',
  rule: 'export',
  policy_version: 3,
  request_id: '',
  outcome: 'executed',
  verification,
  detail: 'ran without a decision',
  content_digest: `sha-256:${'0'.repeat(64)}`,
  judged_at: 1_763_000_001_000,
  ...over,
})

async function told(): Promise<Finding[]> {
  const manager = await jetstreamManager(nc)
  const { state } = await manager.streams.info(FINDING_STREAM)
  const found: Finding[] = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(FINDING_STREAM, { seq })
    found.push(parse(findingShape, JSON.parse(message?.string() ?? ''), 'finding'))
  }
  return found
}

it('findings - alarms and what could not be verified are told, and nothing else is', async () => {
  const all: Verification[] = [
    'verified',
    'refused',
    'not_required',
    'observed',
    'missing',
    'forged',
    'unbound',
    'replayed',
    'unverifiable',
  ]
  await publish(all.map((one, index) => finding(one, { span_id: `${index}`.repeat(16) })))
  expect((await told()).map(({ verification }) => verification)).toEqual([
    'missing',
    'forged',
    'unbound',
    'replayed',
    'unverifiable',
  ])
  expect(counted).toEqual(all)
})

it('findings - the message says what the row says, and leaves out what is empty', async () => {
  await publish([
    finding('missing'),
    finding('forged', { request_id: 'r1', target: 'crm', ruling: '', rule: '' }),
  ])
  expect(await told()).toEqual([
    {
      v: 1,
      verification: 'missing',
      detail: 'ran without a decision',
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      contentDigest: `sha-256:${'0'.repeat(64)}`,
      service: 'support',
      agent: 'Support agent',
      environment: 'prod',
      kind: 'tool',
      name: 'export',
      outcome: 'executed',
      ruling: { effect: 'hold', rule: 'export', policyVersion: 3 },
      startedAtMs: 1_763_000_000_123,
      judgedAtMs: 1_763_000_001_000,
    },
    expect.objectContaining({ requestId: 'r1', target: 'crm' }),
  ])
})

it('findings - the same one told again, by anybody, is told once', async () => {
  await publish([finding('missing')])
  await Promise.all([
    publish([finding('missing')]),
    publish([finding('missing', { detail: 'in other words' })]),
  ])
  expect((await told()).map(({ detail }) => detail)).toEqual(['ran without a decision'])
  await publish([finding('forged')])
  expect(await told()).toHaveLength(2)
})

it('findings - a thousand at once are all told', async () => {
  await publish(
    Array.from({ length: 1_000 }, (_, at) =>
      finding('missing', { span_id: at.toString(16).padStart(16, '0') }),
    ),
  )
  const { state } = await (await jetstreamManager(nc)).streams.info(FINDING_STREAM)
  expect(state.messages).toBe(1_000)
})

it('findings - where NATS does not take it, the batch is not done: that may be tried again', async () => {
  const { streams } = await jetstreamManager(nc)
  await streams.delete(FINDING_STREAM)
  await expect(publish([finding('missing')])).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  expect(counted).toEqual([])
  await expect(publish([finding('verified')])).resolves.toBeUndefined()
  const closed = await connect({ servers: nats.url })
  await closed.close()
  const { publish: publishOn } = createFindings({
    nc: closed,
    log: createFakeLog(),
    measures: { verdict: () => {} },
  })
  await expect(publishOn([finding('missing')])).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
  })
})
