import { afterAll, beforeAll, expect, test } from 'vitest'
import { cardModel, digestBytes, type TimelineEntry } from '#contract'
import type { Desk } from '#desk'
import { createFrozenView } from '../../src/console/frozen.ts'
import { createHub } from '../../src/console/live/hub.ts'
import { alarmsPart } from '../../src/console/pages/alarms.ts'
import { cardPart } from '../../src/console/pages/card.ts'
import { timelinePart } from '../../src/console/pages/timeline.ts'
import { withArguments } from '../support/cards.ts'
import { eventually, reviewAs } from '../support/held.ts'
import { POLICY, startHouse } from '../support/house.ts'
import { createFakeLog } from '../support/log.ts'
import { type Browser, codeOf, fieldsOf } from './cookie-jar.ts'
import { type Scene, startScene } from './scene.ts'

const TERMS = `
  - id: parts
    match: { kind: tool, name: move_money }
    effect: hold
    approvals: { all: [{ from: [sre] }, { from: [security-oncall] }], denials: 2 }
    timeout: 10m
    escalate: [{ after: 1m, to: [data-owners] }, { after: 2m, to: [security-oncall] }]
  - { id: later, match: { kind: tool, name: page_oncall_later }, effect: hold, approvals: { from: [security-oncall] }, timeout: 10m, escalate: [{ after: 1m, to: [sre] }] }
`

/** In form what an issuer gives out, and good for nothing. */
const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`

let scene: Scene
let bob: Browser
beforeAll(async () => {
  // Its process goes on living, whatever the clock says.
  const house = await startHouse({
    policy: POLICY.replace('rules:\n', `rules:${TERMS}`),
    heartbeatMs: 3_600_000,
  })
  scene = await startScene({ house })
  bob = scene.browser('bob')
})
afterAll(() => scene.stop())

const shows = (path: string, words: string) =>
  eventually(
    () => bob.page(path),
    (page) => page.includes(words),
  )

test('console - parts of a threshold, denials and whoever joins later stand on the card and beside it', async () => {
  const id = await scene.hold({ name: 'move_money' })
  const page = await bob.page(`/requests/${id}`)
  expect(page).toContain('1 of sre and 1 of security-oncall; different people')
  expect(page).toContain('2 different people: 1 out of <b>sre</b> and 1 out of <b>security-oncall</b>')
  expect(page).toContain(
    '2 more approvals needed<span class="missing">: 1 of sre, and 1 of security-oncall</span>',
  )
  expect(page).toContain('0 of the 2 denials that end it')
  expect(page).toMatch(
    /<b>data-owners<\/b> may answer as well <time data-in datetime="[^"]+" title="[^"]+">in (1 min|59 s)</,
  )
  await reviewAs(scene.house, 'bob', id)
  expect(await bob.page(`/requests/${id}`)).toContain(
    '1 more approval needed<span class="missing">: 1 of security-oncall</span>',
  )
})

test('console - who joins by escalation is marked once they may answer, and finds it among what is theirs', async () => {
  const id = await scene.hold({ name: 'page_oncall_later' })
  expect(codeOf(await bob.page(`/requests/${id}`))).toBe('NOT_A_REVIEWER')
  scene.house.clock.advance(61_000)
  const page = await shows(`/requests/${id}`, 'class="reached"')
  expect(page).toContain('<b>sre</b> may answer as well')
  expect(page).toContain(`action="/requests/${id}/review"`)
  expect(await bob.page('/')).toMatch(new RegExp(`data-request="${id}"[\\s\\S]*?also sre`))
})

test('console - a value that looks like a secret takes Approve to the page with everything', async () => {
  const id = await scene.hold({ arguments: { note: SECRET, rows: 3 } })
  const page = await bob.page(`/requests/${id}`)
  expect(page).toContain('Looks like a secret')
  expect(page).toContain('Values that look like secrets, and are hidden for that alone')
  expect(page).not.toContain(SECRET)
  expect(page).not.toContain('value="approve"')
  const path = `/requests/${id}/review`
  const early = await bob.post(path, { ...fieldsOf(page, path), verdict: 'approve', reason: '' })
  expect([early.status, codeOf(await early.text())]).toEqual([409, 'CARD_MISMATCH'])
  const full = await bob.page(`/requests/${id}/full`)
  const answer = await bob.post(path, { ...fieldsOf(full, path), verdict: 'approve', reason: '' })
  expect(answer.status).toBe(303)
  expect((await scene.house.desk.show(scene.house.token('bob'), id)).summary.state).toBe('approved')
})

test('console - what people have refused of late is the first thing that the next card says', async () => {
  for (const rows of [1, 2]) {
    const id = await scene.hold({ name: 'refused_often', arguments: { rows } })
    await reviewAs(scene.house, 'bob', id, 'deny')
  }
  const id = await scene.hold({ name: 'refused_often', arguments: { rows: 3 } })
  expect(await bob.page(`/requests/${id}`)).toMatch(
    /Look twice<\/h2><ul><li>Refused 2 times in the last hour: people have denied this agent/,
  )
})

test('console - a difference keeps its text to the letter, escaped, with its lines marked', () => {
  const diff = ' rules:\n-  - id: <b>a</b>\n+  - id: "b"\n+++ c'
  const model = cardModel(withArguments({ version: 2, diff }, 'holdpoint'))
  const markup = String(cardPart(model))
  expect(markup).toContain(
    '<del>-  - id: &lt;b&gt;a&lt;/b&gt;</del>\n<ins>+  - id: &quot;b&quot;</ins>\n<ins>+++ c</ins></pre>',
  )
  const shown = /<pre[^>]* class="diff">([\s\S]*?)<\/pre>/.exec(markup)?.[1] ?? ''
  const text = shown
    .replace(/<\/?(?:ins|del)>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
  expect(digestBytes(text.replaceAll('&quot;', '"'))).toBe(digestBytes(diff))
})

test('console - a review that came too late stands in the timeline, without effect', async () => {
  const entry: TimelineEntry = {
    type: 'review',
    what: 'approve',
    atMs: 1,
    people: [],
    index: 3,
    leaf: 'x',
    late: true,
  }
  expect(String(timelinePart([entry]))).toMatch(
    /<li class="still">[\s\S]*approval<\/b> <span class="late">too late, without effect/,
  )
  expect(String(timelinePart([{ ...entry, late: undefined as never }]))).not.toContain('too late')
  const id = await scene.hold()
  const { renderHash } = await scene.house.desk.show(scene.house.token('bob'), id)
  await reviewAs(scene.house, 'bob', id, 'deny')
  const late = {
    requestId: id,
    verdict: 'approve',
    renderHash,
    channel: 'cli',
    token: scene.house.token('carol'),
  } as const
  await expect(scene.house.desk.review(late)).rejects.toMatchObject({ code: 'ALREADY_DECIDED' })
  const page = await bob.page(`/requests/${id}`)
  expect(page).toContain('too late, without effect')
  expect(page).toContain('Carol Chen (carol) approved, too late to count')
})

const alarm = { kind: 'drift', atMs: 1_000, text: 'The <ledger> has \u202eanother setting.', agentId: 'a-1' }

test('console - alarms of the last hour stand on the inbox, the newest first and five of them, hostile or not', () => {
  const heard = Array.from({ length: 7 }, (_, at) => ({
    ...{ event: 'alarm' as const, id: `drift.${at}`, position: `x-${at}` },
    alarm: { ...alarm, atMs: 1_000 + at },
  })).reverse()
  const markup = String(alarmsPart(heard, 2_000))
  expect(markup.match(/data-alarm="drift\.(\d)"/g)).toHaveLength(5)
  expect(markup.indexOf('drift.6')).toBeLessThan(markup.indexOf('drift.5'))
  expect(markup).toContain('The &lt;ledger&gt; has \\u{202e}another setting.')
  expect(markup).not.toContain('hidden')
  expect(String(alarmsPart(heard, 4_000_000))).toContain(' hidden')
})

test('console - an alarm is heard once, whichever brokers announce it again, and by whoever was cut off', () => {
  let announce: Parameters<Desk['watch']>[1]
  const watch: Desk['watch'] = (_, onAlarm) => {
    announce = onAlarm
    return () => {}
  }
  const hub = createHub({ desk: { watch }, log: createFakeLog() })
  const before = hub.position()
  announce?.(alarm, 'drift.1')
  announce?.(alarm, 'drift.1')
  announce?.(alarm, 'drift.2')
  const heard: string[] = []
  hub.listen((one) => heard.push(one.event === 'alarm' ? one.id : one.event), before)
  expect(heard).toEqual(['drift.1', 'drift.2'])
  expect(hub.alarms().map(({ id }) => id)).toEqual(['drift.2', 'drift.1'])
})

test('console - what is frozen is asked for once a second, and again when it was changed here', async () => {
  let nowMs = 0
  let asked = 0
  const desk = {
    agents: async () => {
      asked++
      if (asked === 3) throw new Error('down')
      return { agents: [] }
    },
  }
  let alarm: string | undefined
  const view = createFrozenView({ desk, now: () => nowMs, newestAlarm: () => alarm })
  await Promise.all([view.now('a'), view.now('b')])
  expect(asked).toBe(1)
  view.forget()
  expect(await view.now('a')).toEqual({ agents: [] })
  expect(asked).toBe(2)
  nowMs = 1_000
  expect(await view.now('a')).toBeUndefined()
  expect(await view.now('b')).toEqual({ agents: [] })
  expect(asked).toBe(4)
  alarm = 'frozen.a.1'
  await view.now('b')
  expect(asked).toBe(5)
})
