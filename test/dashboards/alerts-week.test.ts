import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INCIDENTS, type Incident, type Planted, seedStore } from '#seed'
import { unixMilliText } from '#store'
import { clientOf, emptyDatabase, type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { type Rule, readAlerts } from '../support/grafana/alerts.ts'
import { answerOf } from '../support/grafana/answers.ts'
import { type Alert, type Ask, evaluateRule } from '../support/grafana/evaluate.ts'

const HOUR_MS = 3_600_000
/** A Friday afternoon in Europe. */
const ENDS_AT_MS = Date.UTC(2026, 10, 20, 16)
const WEEK = { spans: 2_000, seed: 11, endsAtMs: ENDS_AT_MS }

/** Which alert finds what was planted, and what it says of it. */
const FOUND: Record<Incident, [uid: string, labels: (planted: Planted) => Record<string, unknown>]> = {
  'forged-approval': ['forged-claim', () => ({ agent: 'Billing clerk', action: 'tool adjust_credit' })],
  'ungated-role-policy': ['ungated-action', () => ({ action: 'aws iam:AttachRolePolicy' })],
  'replayed-approval': ['replayed-approval', () => ({ action: 'process kubectl delete' })],
  'unbound-approval': ['unbound-approval', () => ({ action: 'db UPDATE prices' })],
  'instant-approver': [
    'instant-approvals',
    ({ people }) => ({ reviewer: expect.stringContaining(people[0] ?? '') }),
  ],
  'night-export': [
    'night-export',
    () => ({ action: 'tool export_customers', approvers: 'Inês Duarte and Oliver Grant' }),
  ],
  'self-approval': ['self-approval', () => ({})],
  'expiry-wave': ['expiry-rate', () => ({ rule: 'refund' })],
  'stuck-approvals': ['approvals-waiting', () => ({ rule: 'release' })],
  freeze: ['freeze-used', () => ({ by: 'Grace Adeyemi' })],
  'ledger-behind': ['ledger-behind', () => ({})],
  'pipeline-lag': ['pipeline-lag', () => ({})],
}

/** What is over leaves its trace for an hour; a level is to be seen while it is up. */
const momentOf = ({ incident, toMs }: Planted): number =>
  Math.min(['ledger-behind', 'pipeline-lag'].includes(incident) ? toMs - 60_000 : toMs + 60_000, ENDS_AT_MS)

const plantedOf = (incident: Incident): Planted => planted.find((one) => one.incident === incident) as Planted

type Fired = Record<string, Alert[]>

let engine: RunningEngine
let reader: ClickHouseClient
const ask: Ask = (sql) => answerOf(reader, sql)
let rules: Rule[]
let planted: Planted[]
/** What fires right after each incident, in a week with all of them and in one with none; and at ordinary times. */
const after: Partial<Record<Incident, Fired>> = {}
const withoutAny: Partial<Record<Incident, Fired>> = {}
const ordinary: Record<string, Fired> = {}

beforeAll(async () => {
  engine = await startEngine({ migrated: true })
  reader = clientOf(engine.engine.reader)
  rules = readAlerts().groups.flatMap((group) => group.rules)
  planted = (await seedStore(engine.engine.writer, { ...WEEK, incidents: INCIDENTS })).incidents
  for (const one of planted) after[one.incident] = await firedAt(ask, momentOf(one), looked(one.incident))
  for (const atMs of ordinaryMoments()) ordinary[new Date(atMs).toISOString()] = await firedAt(ask, atMs)
  await emptyDatabase(engine.engine.writer)
  await seedStore(engine.engine.writer, { ...WEEK, incidents: [] })
  for (const one of planted)
    withoutAny[one.incident] = await firedAt(ask, momentOf(one), looked(one.incident).slice(0, 1))
}, 120_000)
afterAll(async () => {
  await reader?.close()
  await engine?.stop()
})

async function firedAt(ask: Ask, atMs: number, uids = rules.map(({ uid }) => uid)): Promise<Fired> {
  const fired: Fired = {}
  for (const rule of rules.filter(({ uid }) => uids.includes(uid))) {
    const alerts = await evaluateRule(rule, ask, atMs)
    if (alerts.length > 0) fired[rule.uid] = alerts
  }
  return fired
}

/** The alert for this incident, and those for two others, so that each is looked at beside two that are not its own. */
const looked = (incident: Incident): string[] =>
  [0, 1, 5].map((further) => {
    const other = INCIDENTS[(INCIDENTS.indexOf(incident) + further) % INCIDENTS.length] as Incident
    return `holdpoint-${FOUND[other][0]}`
  })

/** Days and nights, and nothing planted within the hour that alerts look back. */
const ordinaryMoments = (): number[] =>
  Array.from({ length: 5 }, (_, at) => ENDS_AT_MS - (at + 0.5) * 30 * HOUR_MS)
    .filter((atMs) => planted.every(({ fromMs, toMs }) => atMs < fromMs || atMs > toMs + HOUR_MS))
    .slice(0, 3)

test('alerts - there is one for each incident that can be planted, and none that none is planted for', () => {
  expect(planted.map(({ incident }) => incident).toSorted()).toEqual([...INCIDENTS].toSorted())
  expect(
    Object.values(FOUND)
      .map(([uid]) => `holdpoint-${uid}`)
      .toSorted(),
  ).toEqual(rules.map(({ uid }) => uid).toSorted())
})

describe.each(INCIDENTS)('alerts - %s', (incident) => {
  const [name, labels] = FOUND[incident]
  const uid = `holdpoint-${name}`

  test('is found, and told by what it was', () => {
    expect(after[incident]?.[uid]).toEqual([
      {
        state: 'Alerting',
        value: expect.any(Number),
        labels: expect.objectContaining(labels(plantedOf(incident))),
      },
    ])
  })

  test('sets off no alert but those of what else was going on', () => {
    const moment = momentOf(plantedOf(incident))
    const goingOn = planted
      .filter(({ fromMs, toMs }) => fromMs <= moment && moment <= toMs + HOUR_MS)
      .map((one) => `holdpoint-${FOUND[one.incident][0]}`)
    expect(goingOn).toEqual(expect.arrayContaining(Object.keys(after[incident] ?? {})))
  })

  test('is not found in a week without it', () => {
    expect(withoutAny[incident]).toEqual({})
  })

  test('has all that its alert says of it', () => {
    const { annotations } = rules.find((rule) => rule.uid === uid) as Rule
    const named = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label)
    expect(Object.keys(after[incident]?.[uid]?.[0]?.labels ?? {})).toEqual(expect.arrayContaining(named))
  })
})

test('alerts - nothing fires by day or by night when nothing has happened', () => {
  expect(Object.keys(ordinary)).toHaveLength(3)
  expect(
    Object.fromEntries(Object.entries(ordinary).filter(([, fired]) => Object.keys(fired).length > 0)),
  ).toEqual({})
})

describe('alerts - where evidence does not come', () => {
  const afterwards = ENDS_AT_MS + 24 * HOUR_MS

  test('those that need somebody to report say so, and only they', async () => {
    const fired = await firedAt(ask, afterwards)
    expect(
      Object.fromEntries(
        Object.entries(fired).map(([uid, alerts]) => [uid, alerts.map(({ state }) => state)]),
      ),
    ).toEqual({
      'holdpoint-self-approval': ['NoData'],
      'holdpoint-ledger-behind': ['Alerting'],
      'holdpoint-pipeline-lag': ['Alerting'],
    })
  })

  test('a store that does not answer is heard of by every one', async () => {
    const fired = await firedAt(async () => Promise.reject(new Error('away')), ENDS_AT_MS)
    expect(Object.keys(fired).toSorted()).toEqual(rules.map(({ uid }) => uid).toSorted())
  })
})

describe('alerts - spans of somebody who means harm', () => {
  const HARMFUL_AT_MS = ENDS_AT_MS + 72 * HOUR_MS
  const finding = (number: number, more: Record<string, unknown>) => ({
    trace_id: number.toString(16).padStart(32, '0'),
    span_id: number.toString(16).padStart(16, '0'),
    timestamp: unixMilliText(HARMFUL_AT_MS - 60 * HOUR_MS),
    received_at: unixMilliText(HARMFUL_AT_MS - 3 * HOUR_MS),
    judged_at: unixMilliText(HARMFUL_AT_MS - HOUR_MS / 2 + number),
    agent: `agent-${number}`,
    environment: 'prod',
    kind: 'tool',
    name: 'grant_role',
    outcome: 'executed',
    verification: 'missing',
    content_digest: `digest-${number}`,
    content: `digest-${number}`,
    alarm: 1,
    ...more,
  })
  let fired: Fired
  beforeAll(async () => {
    const writer = clientOf(engine.engine.writer)
    const verified = {
      agent: 'twice',
      trace_id: 'a'.repeat(32),
      span_id: 'b'.repeat(16),
      verification: 'verified',
      alarm: 0,
    }
    await writer.insert({
      table: 'holdpoint_findings',
      format: 'JSONEachRow',
      values: [
        finding(0, { agent: `{{ template }} \`<@everyone>\` \n${'x'.repeat(300)}` }),
        ...Array.from({ length: 30 }, (_, number) => finding(number + 1, {})),
        finding(100, verified),
        finding(101, verified),
      ],
    })
    await writer.close()
    fired = await firedAt(ask, HARMFUL_AT_MS, ['holdpoint-ungated-action', 'holdpoint-replayed-approval'])
  })

  test('one that dates itself back and comes late is found by the time of its verdict', () => {
    expect(fired['holdpoint-ungated-action']?.map(({ labels }) => labels.agent)).toContain('agent-1')
  })

  test('names reach a notification without anything that a chat or a template would read', () => {
    const [worst = ''] = fired['holdpoint-ungated-action']?.map(({ labels }) => labels.agent ?? '') ?? []
    expect(worst).toMatch(/^\?\? template \?\? \?\?\?everyone\?\? \?x+$/)
    expect(worst).toHaveLength(80)
  })

  test('who makes up names gets no more than twenty alerts, and hides none that was there before', () => {
    const agents = fired['holdpoint-ungated-action']?.map(({ labels }) => labels.agent)
    expect(agents).toHaveLength(20)
    expect(agents).toEqual(expect.arrayContaining(['agent-1', 'agent-2', 'agent-3']))
  })

  test('two spans under one pair of ids are one approval used twice, though each agrees with the ledger', () => {
    expect(fired['holdpoint-replayed-approval']).toEqual([
      { state: 'Alerting', value: 2, labels: expect.objectContaining({ agent: 'twice' }) },
    ])
  })
})
