import type { BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Action, Attempt } from '#contract'
import { DEVELOPMENT_ISSUER, groupSpecifier } from '#identity'
import { holdAction } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { findBarriers } from './support/axe.ts'
import { rowOf } from './support/card.ts'
import { takePicture } from './support/pictures.ts'
import { PHONE, type Scene, startScene } from './support/scene.ts'

const POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [${groupSpecifier(DEVELOPMENT_ISSUER, 'sre')}]
  data-owners: [${groupSpecifier(DEVELOPMENT_ISSUER, 'data-owners')}]
  security-oncall: [${groupSpecifier(DEVELOPMENT_ISSUER, 'security-oncall')}]
rules:
  - { id: export-customer-data, match: { kind: tool, name: "export_*" }, effect: hold, risk: high, approvals: { from: [data-owners] }, timeout: 10m }
  - { id: change-of-roles, match: { kind: tool, name: "grant_*" }, effect: hold, risk: critical, approvals: { from: [security-oncall], threshold: 1 }, timeout: 30m }
  - { id: production-sql, match: { kind: db, name: "*" }, effect: hold, risk: critical, approvals: { from: [sre], threshold: 2 } }
  - { id: restart, match: { kind: exec, name: "kubectl *" }, effect: hold, risk: medium }
  - { id: refund, match: { kind: tool, name: issue_refund }, effect: hold, risk: low }
`

const WAITING: readonly [string, Partial<Action>, Partial<Attempt>?][] = [
  [
    'support-agent',
    {
      name: 'export_customers',
      target: 'crm.eu-west-1/customers',
      arguments: {
        segment: 'enterprise',
        format: 'csv',
        columns: ['name', 'e-mail', 'plan'],
        to: 's3://handover/acme',
      },
      runtime: { serviceName: 'support', serviceVersion: '4.2.0', host: 'support-7f9c' },
    },
    {
      statement:
        'ACME moves to another region. Their account team asked for a copy of the records before Friday.',
      facts: [
        { name: 'estimated rows', value: 1204, source: 'agent' },
        { name: 'ticket', value: 'SUP-4711', source: 'agent' },
      ],
    },
  ],
  [
    'billing-agent',
    { name: 'issue_refund', target: 'invoice 2026-1187', arguments: { amount: 480, currency: 'EUR' } },
  ],
  [
    'migration-agent',
    {
      kind: 'db',
      name: 'ALTER TABLE',
      target: 'orders.shipments',
      arguments: { sql: 'ALTER TABLE shipments ADD COLUMN carrier text' },
    },
  ],
  [
    'release-agent',
    {
      kind: 'exec',
      name: 'kubectl rollout',
      target: 'prod/checkout',
      arguments: { argv: ['kubectl', 'rollout', 'restart', 'deploy/checkout'] },
    },
  ],
  [
    'support-agent',
    { name: 'grant_role', target: 'dana', arguments: { user: 'dana', role: 'billing-admin' } },
  ],
]

const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
  ['phone', { ...PHONE, colorScheme: 'light', deviceScaleFactor: 1.5 }],
]

let scene: Scene
const ids: string[] = []

beforeAll(async () => {
  scene = await startScene({ policy: POLICY })
  const names = [...new Set(WAITING.map(([name]) => name))]
  const agents = new Map(
    await Promise.all(names.map(async (name) => [name, await scene.house.agent(name)] as const)),
  )
  for (const [name, action, rest] of WAITING) {
    const agent = agents.get(name)
    if (agent) ids.push((await holdAction(agent, attemptOf(action, rest))).requestId)
  }
})
afterEach(async () => {
  expect(await scene.closeWindows()).toEqual([])
})
afterAll(() => scene.stop())

test.each(LOOKS)('pictures - the inbox and a card (%s)', async (look, options) => {
  const page = await scene.visitAs('bob', options)
  await page.goto(`${scene.url}/`)
  await rowOf(page, ids.at(-1) as string).waitFor()
  expect(await findBarriers(page)).toEqual([])
  expect(await takePicture(page, `inbox-${look}`)).toBeGreaterThan(10_000)
  await page.goto(`${scene.url}/requests/${ids[0]}`)
  await page.getByText('"segment": "enterprise"').waitFor()
  expect(await findBarriers(page)).toEqual([])
  expect(await takePicture(page, `card-${look}`)).toBeGreaterThan(10_000)
})

test('pictures - signing in', async () => {
  const page = await scene.visit({ viewport: { width: 1280, height: 800 } })
  await page.goto(`${scene.url}/sign-in`)
  expect(await takePicture(page, 'sign-in')).toBeGreaterThan(5_000)
})
