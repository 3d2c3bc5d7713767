import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RequestSummary, TimelineEntry } from '#contract'
import type { TraceAction, TraceSpan, ViolationRow, WhoActedRow } from '#store'
import { actedTable } from '../../src/console/investigate/acted-row.ts'
import { addressOf } from '../../src/console/investigate/question.ts'
import { violationTable } from '../../src/console/investigate/violation-row.ts'
import { requestRow } from '../../src/console/pages/request-row.ts'
import { statusPart } from '../../src/console/pages/status.ts'
import { timelinePart } from '../../src/console/pages/timeline.ts'
import { waterfall } from '../../src/console/trace/waterfall.ts'
import {
  HOSTILE_ARGUMENTS,
  HOSTILE_TEXTS,
  hostileAttempt,
  hostileIn,
  isSendable,
} from '../support/hostile.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())

/** Long texts make long pages, and say nothing new here; the card's own tests have them. */
const SENT = HOSTILE_TEXTS.filter((one) => isSendable(one) && one.text.length < 25_000)

/** Elements and attributes that no template of ours has: they came out of somebody's text. */
const STRANGE =
  /<(script(?! type="" src=)|img|iframe|base|style|object|embed)|\son\w+=|\s(?!data-left|defer|required|readonly|checked|open|selected|hidden|focusable)[\w-]+(?=[\s>])/i
const ADDRESS = /\s(?:href|src|action)="(?!\/|#|"|https?:\/\/127\.0\.0\.1)/

function expectHarmless(markup: string, what: string): void {
  for (const { name, raw } of hostileIn('html')) expect(markup.includes(raw), `${what}: ${name}`).toBe(false)
  // Only what stands inside of a tag can do anything: text between tags is escaped.
  const tags = markup.match(/<[^<>]*>/g)?.join('\n') ?? ''
  expect(tags, what).not.toMatch(ADDRESS)
  expect(tags.replace(/="[^"]*"/g, '=""').replace(/<!doctype html>/, ''), what).not.toMatch(STRANGE)
  expect(markup, what).not.toMatch(CONTROLS)
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

describe('through the real broker', () => {
  test.each(SENT.map(({ name, text }) => [name, text]))(
    'console - %s stays text in the inbox, the card, the full page and the explanation',
    async (name, text) => {
      const bob = scene.browser('bob')
      const { action, statement, facts } = hostileAttempt(text)
      const id = await scene.hold(action, {
        ...(statement ? { statement } : {}),
        ...(facts ? { facts } : {}),
      })
      const paths = ['/?show=all', `/requests/${id}`, `/requests/${id}/full`, `/policy/explain?request=${id}`]
      const pages = await Promise.all(paths.map((path) => bob.page(path)))
      for (const [at, page] of pages.entries()) expectHarmless(page, `${name} on ${paths[at]}`)
      await scene.house.desk.cancel({ requestId: id, channel: 'cli', token: scene.house.token('alice') })
      expectHarmless(await bob.page('/history'), `${name} in the history`)
    },
  )

  test.each(HOSTILE_ARGUMENTS.map((one) => [one.name, one.arguments]))(
    'console - arguments with %s have a page',
    async (_, given) => {
      const id = await scene.hold({ arguments: given })
      const bob = scene.browser('bob')
      expect(await bob.page(`/requests/${id}/full`)).toContain('value="approve"')
      expectHarmless(await bob.page(`/requests/${id}`), 'the card')
      await scene.house.desk.cancel({ requestId: id, channel: 'cli', token: scene.house.token('alice') })
    },
  )

  test('console - what somebody types into a search is shown as text', async () => {
    const bob = scene.browser('bob')
    for (const { name, text } of SENT.filter((one) => one.text.length < 400)) {
      const typed = encodeURIComponent(text)
      // A form gives back what was typed: escaped for markup, otherwise as it is.
      for (const path of [
        `/?text=${typed}`,
        `/history?agent=${typed}`,
        `/policy/explain?name=${typed}`,
        `/requests/${typed}`,
      ])
        expect((await (await bob.get(path)).text()).match(/<[^<>]*>/g)?.join('\n'), name).not.toMatch(
          /<(img|svg onload|script>)/,
        )
    }
  })
})

describe('in what others say', () => {
  test.each(HOSTILE_TEXTS.filter(({ text }) => text.length < 25_000).map(({ name, text }) => [name, text]))(
    'console - %s stays text in rows, status, timeline, waterfall and tables',
    (name, text) => {
      const person = { iss: 'https://idp.example.com', sub: text, name: text }
      const summary: RequestSummary = {
        requestId: text,
        state: 'pending',
        agent: text,
        agentId: text,
        environment: text,
        kind: text,
        name: text,
        target: text,
        rule: text,
        risk: 'high',
        requestedAtMs: 0,
        expiresAtMs: 900_000,
        threshold: 2,
        from: [text],
        assurance: 'login',
        reviews: [{ ...person, verdict: 'approve', atMs: 1 }],
      }
      const viewer = { ...person, groups: [], assurance: 'login' as const, service: false }
      const entry: TimelineEntry = {
        type: 'review',
        what: 'deny',
        atMs: 1,
        people: [{ ...person, assurance: 'login', channel: text }],
        reason: text,
        errorType: text,
        index: 1,
        leaf: text,
      }
      const span: TraceSpan = {
        spanId: text,
        parentSpanId: text,
        name: text,
        kind: text,
        service: text,
        startNs: '1790000000000000000',
        durationNs: '5000000',
        status: text,
        statusMessage: text,
        attributes: [[text, text]],
      }
      const action: TraceAction = {
        spanId: text,
        requestId: text,
        agent: text,
        owner: text,
        name: text,
        ruling: text,
        rule: text,
        decision: text,
        approvers: [text],
        refusedBy: [text],
        outcome: text,
        contradicted: 1,
        verification: text,
        detail: text,
      }
      const spans = [
        span,
        { ...span, spanId: 'a', parentSpanId: 'b' },
        { ...span, spanId: 'b', parentSpanId: 'a' },
      ]
      expectHarmless(`${requestRow(summary, 1)}`, `${name} in a row`)
      expectHarmless(`${statusPart(summary, viewer, 1)}`, `${name} in the status`)
      expectHarmless(`${timelinePart([entry])}`, `${name} in the timeline`)
      expectHarmless(`${waterfall(spans, [action])}`, `${name} in the waterfall`)
      const acted = actedBy(text)
      const narrow = (change: Record<string, string>): string => addressOf('/actions', { text }, change)
      for (const decision of ['approved', 'denied', 'expired'] as const)
        expectHarmless(`${actedTable([{ ...acted, decision }], narrow)}`, `${name} among who acted`)
      const ofAgent = (agent: string): string => addressOf('/violations', {}, { agent })
      expectHarmless(`${violationTable([acted], ofAgent)}`, `${name} among violations`)
    },
  )
})

const actedBy = (text: string): WhoActedRow & ViolationRow => ({
  at: 1,
  agent: text,
  user: text,
  action: text,
  kind: text,
  name: text,
  target: text,
  ruling: text,
  rule: text,
  authorized_by: text,
  decision: '',
  approvers: [text],
  refused_by: [text],
  assurance: text,
  channel: text,
  wait_ms: 1,
  outcome: text,
  verification: text as 'forged',
  detail: text,
  service_name: text,
  trace_id: text,
  span_id: text,
  request_id: text,
  risk: text,
  environment: text,
  enforcement: text,
  tie: text,
})
