import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unixMilliText } from '#store'
import { ledgerRows, requested } from '../store/action-rows.ts'
import { clientOf, type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { type Rule, readAlerts } from '../support/grafana/alerts.ts'
import { answerOf } from '../support/grafana/answers.ts'
import { type Alert, evaluateRule } from '../support/grafana/evaluate.ts'

const MINUTE_MS = 60_000
const NOW = Date.UTC(2026, 10, 20, 16)

let engine: RunningEngine
let writer: ClickHouseClient
let reader: ClickHouseClient
beforeAll(async () => {
  engine = await startEngine({ migrated: true })
  writer = clientOf(engine.engine.writer)
  reader = clientOf(engine.engine.reader)
})
afterAll(async () => {
  await Promise.all([writer?.close(), reader?.close()])
  await engine?.stop()
})

const fired = (name: string, atMs: number): Promise<Alert[]> => {
  const rules = readAlerts().groups.flatMap((group) => group.rules)
  const rule = rules.find(({ uid }) => uid === `holdpoint-${name}`) as Rule
  return evaluateRule(rule, (sql) => answerOf(reader, sql), atMs)
}
const insert = (table: string, values: object[]) => writer.insert({ table, format: 'JSONEachRow', values })

const finding = (number: number, agoMs: number, more: object) => ({
  trace_id: number.toString(16).padStart(32, '0'),
  span_id: number.toString(16).padStart(16, '0'),
  timestamp: unixMilliText(NOW - agoMs),
  received_at: unixMilliText(NOW - agoMs),
  judged_at: unixMilliText(NOW - agoMs),
  environment: 'prod',
  kind: 'tool',
  name: 'grant_role',
  outcome: 'executed',
  content_digest: `digest-${number}`,
  content: `digest-${number}`,
  alarm: 1,
  ...more,
})
const named = (alerts: Alert[], agent: string) => alerts.filter(({ labels }) => labels.agent === agent)

test('alerts - one agent that makes up actions gets three alerts, and hides no other agent', async () => {
  const verification = 'missing'
  const noise = Array.from({ length: 500 }, (_, n) =>
    finding(n, 50 * MINUTE_MS - n, { verification, agent: 'loud', name: `made_up_${n}` }),
  )
  await insert('holdpoint_findings', [
    ...noise,
    finding(1000, MINUTE_MS, { verification, agent: 'quiet', name: 'AttachRolePolicy' }),
  ])
  const alerts = await fired('ungated-action', NOW)
  expect(named(alerts, 'quiet')).toMatchObject([{ labels: { action: 'tool AttachRolePolicy' }, value: 1 }])
  expect(named(alerts, 'loud')).toHaveLength(3)
  expect(named(alerts, 'others')).toMatchObject([{ value: 497 }])
})

test.each([
  ['forged', 'forged-claim'],
  ['unbound', 'unbound-approval'],
  ['replayed', 'replayed-approval'],
])(
  'alerts - %s: made-up agents hide none that the ledger knows, and are counted',
  async (verification, name) => {
    const first = 10_000 * (verification.length + 1)
    await writer.insert({
      table: 'holdpoint_ledger',
      format: 'JSONEachRow',
      values: ledgerRows(first, [
        requested(`known-${verification}`, 'a', {
          at: NOW - 86_400_000,
          agent: { iss: 'hp', sub: 'agent-7', name: 'known' },
        }),
      ]),
    })
    await insert('holdpoint_findings', [
      ...Array.from({ length: 300 }, (_, n) =>
        finding(first + n, 50 * MINUTE_MS - n, { verification, agent: `made up ${n}` }),
      ),
      finding(first + 1000, MINUTE_MS, { verification, agent: 'known', name: 'AttachRolePolicy' }),
    ])
    const alerts = await fired(name, NOW)
    expect(alerts).toHaveLength(20)
    expect(named(alerts, 'known')).toMatchObject([{ labels: { action: 'tool AttachRolePolicy' }, value: 1 }])
    expect(named(alerts, 'others')).toMatchObject([{ value: 282 }])
  },
)

test('alerts - made-up agents do not hide a process that names none', async () => {
  const verification = 'missing'
  const noise = Array.from({ length: 50 }, (_, n) =>
    finding(50_000 + n, -550 * MINUTE_MS, { verification, agent: `a ${n}` }),
  )
  const bare = finding(51_000, -580 * MINUTE_MS, {
    verification,
    agent: '',
    kind: 'aws',
    name: 'iam:AttachRolePolicy',
  })
  await insert('holdpoint_findings', [...noise, bare])
  const alerts = await fired('ungated-action', NOW + 590 * MINUTE_MS)
  expect(named(alerts, '')).toMatchObject([{ labels: { action: 'aws iam:AttachRolePolicy' } }])
})

test('alerts - who calls itself what the rest is called is counted with it', async () => {
  const verification = 'missing'
  const at = NOW + 120 * MINUTE_MS
  await insert(
    'holdpoint_findings',
    Array.from({ length: 40 }, (_, n) =>
      finding(90_000 + n, -100 * MINUTE_MS, {
        verification,
        agent: n === 0 ? 'others' : `agent ${n}`,
        name: n === 0 ? 'see the dashboard' : 'x',
        ...(n === 0 ? { kind: '', environment: '' } : {}),
      }),
    ),
  )
  const alerts = await fired('ungated-action', at)
  expect(alerts.reduce((sum, { value = 0 }) => sum + value, 0)).toBe(40)
})

test('alerts - a name calls nobody in a chat and leads nowhere', async () => {
  const at = NOW + 300 * MINUTE_MS
  await insert('holdpoint_findings', [
    finding(95_000, -299 * MINUTE_MS, {
      verification: 'missing',
      agent: '@channel @here http://evil.example/\u202Egnp\u200B',
      name: '[x](javascript:alert(1))*_b_* =cmd|1',
    }),
  ])
  const [{ labels } = { labels: {} }] = (await fired('ungated-action', at)) as [Alert]
  expect(labels).toMatchObject({
    agent: '?channel ?here http:??evil.example/?gnp?',
    action: 'tool ?x??javascript:alert?1???_b_? ?cmd?1',
  })
})

const seconds = (ms: number): number => Math.floor(ms / 1000)
const gauge = (metric: string, atMs: number, value: number, more: object = {}) => ({
  ResourceAttributes: { 'service.name': 'holdpoint-pipeline', 'service.instance.id': 'one' },
  ServiceName: 'holdpoint-pipeline',
  MetricName: metric,
  Attributes: {},
  StartTimeUnix: seconds(NOW - 1000 * MINUTE_MS),
  TimeUnix: seconds(atMs),
  Value: value,
  ...more,
})

test.each([
  ['pipeline-lag', 'holdpoint.pipeline.lag', 500],
  ['ledger-behind', 'holdpoint.pipeline.ledger.behind', 7],
])(
  'alerts - %s: whoever sends zeros in the name of the process that lags calms nothing',
  async (name, metric, value) => {
    const honest = Array.from({ length: 40 }, (_, n) => gauge(metric, NOW - n * MINUTE_MS, value))
    const lies = Array.from({ length: 240 }, (_, n) => gauge(metric, NOW - n * 10_000 - 5_000, 0))
    const others = Array.from({ length: 40 }, (_, n) =>
      gauge(metric, NOW - n * MINUTE_MS, 0, { ResourceAttributes: { 'service.instance.id': 'liar' } }),
    )
    await insert('otel_metrics_gauge', [...honest, ...lies, ...others])
    expect(await fired(name, NOW)).toMatchObject([{ state: 'Alerting', value }])
  },
)

test('alerts - self-approval: a counter that somebody else has raised before hides no attempt', async () => {
  const counter = (atMs: number, value: number) => ({
    ...gauge('holdpoint.reviews.refused', atMs, value, { ServiceName: 'holdpoint-broker' }),
    Attributes: { code: 'SELF_APPROVAL' },
    AggregationTemporality: 2,
    IsMonotonic: true,
  })
  const honest = Array.from({ length: 100 }, (_, n) => counter(NOW - n * MINUTE_MS, n < 5 ? 3 : 2))
  await insert('otel_metrics_sum', [...honest, counter(NOW - 90 * MINUTE_MS - 5_000, 1_000_000)])
  await insert('otel_metrics_gauge', [gauge('holdpoint.requests.pending', NOW, 0)])
  expect(await fired('self-approval', NOW)).toMatchObject([{ state: 'Alerting', value: 1 }])
})
