import { beforeAll, expect, test } from 'vitest'
import { BROKER_INSTRUMENTS } from '#broker'
import { createMeasures } from '../../src/broker/telemetry.ts'
import { expectAsDescribed } from '../support/metrics/described.ts'
import { measured } from '../support/metrics/measured.ts'
import { type Family, sampleValue } from '../support/metrics/parse.ts'

let families: Map<string, Family>
beforeAll(async () => {
  const { made: broker, families: read } = measured(createMeasures)
  await broker.call('request', async () => {})
  broker.decided('expired', 'defaults', 1_500)
  const review = (channel: string) =>
    broker.reviewed({ verdict: 'deny', reviewer: { channel, assurance: 'chat' } } as never)
  for (const channel of ['webhook:pager', 'Bob <bob@example.com>', 'a b', 'console\n', '../x'])
    review(channel)
  broker.reviewRefused('SELF_APPROVAL')
  broker.escalated('export')
  const standing = { pending: 2, freezes: 1, ledgerSize: 7, uncoveredSinceMs: 50_000, nowMs: 60_000 }
  broker.watch(() => standing)
  families = await read()
})

test('broker - each of its metrics is measured, as it is described', () => {
  expectAsDescribed(families, Object.values(BROKER_INSTRUMENTS))
})

test('broker - times are in seconds, as the names in Prometheus promise', () => {
  expect(sampleValue(families, 'holdpoint_approval_wait_seconds_sum')).toBe(1.5)
  expect(sampleValue(families, 'holdpoint_ledger_checkpoint_age_seconds')).toBe(10)
})

test('broker - the channel of a review is the name of one, or other: it may say anything of anybody', () => {
  const { samples = [] } = families.get('holdpoint_reviews_total') ?? {}
  expect(samples.map(({ labels, value }) => [labels.channel, value])).toEqual([
    ['webhook:pager', 1],
    ['other', 4],
  ])
})
