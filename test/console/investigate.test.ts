import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Verification } from '#contract'
import { createStore, type Store } from '#store'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { HOSTILE_TEXTS, isSendable } from '../support/hostile.ts'
import { type Browser, CHROMIUM, codeOf, createBrowser } from './cookie-jar.ts'
import { type Deed, finding, storeDecided } from './investigated.ts'
import { type Scene, startScene } from './scene.ts'

let running: RunningEngine
let writer: Store
let scene: Scene
let bob: Browser
let nowMs: number
beforeAll(async () => {
  const [{ house }, engine] = await Promise.all([startScene(), startEngine()])
  running = engine
  writer = createStore(running.engine.writer)
  await writer.migrate()
  // A busy machine is no slow store.
  scene = await startScene({ house, store: createStore(running.engine.reader), patienceMs: 60_000 })
  bob = scene.browser('bob')
  nowMs = house.clock.now()
}, 30_000)
afterAll(async () => {
  await scene?.stop()
  await writer.close()
  await running.stop()
})

const MINUTE_MS = 60_000
let batches = 0
const store = (...deeds: Deed[]): Promise<void> =>
  writer.insertFindings(deeds.map(finding), `batch ${++batches}`)

const rowsOf = (page: string): string[] => page.match(/<tr role="row" data-row=[\s\S]*?<\/tr>/g) ?? []
const namesOf = (page: string): string[] =>
  rowsOf(page).map((row) => /<b>(?:tool )?([a-z]\w+)<\/b>/.exec(row)?.[1] ?? '')
const nextOf = (page: string): string | undefined =>
  /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
const textOf = (markup: string): string => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')

test('console - an empty list out of an empty store is said to say nothing', async () => {
  const page = await bob.page('/violations')
  expect(page).toContain('Nothing has been stored yet')
  expect(page).not.toContain('No violation was found')
})

test('console - who acted stands beside who authorized it, with the way to card, trace and ledger', async () => {
  const place = { traceId: 'a1'.repeat(16), spanId: 'a1'.repeat(8) }
  const atMs = nowMs - 10 * MINUTE_MS
  await storeDecided(writer, { requestId: '1-approved', atMs, ...place, decision: 'approved' })
  const detail = 'approved by carol'
  await store({ atMs, ...place, requestId: '1-approved', verification: 'verified', detail })
  const [row = '', ...more] = rowsOf(await bob.page('/actions?text=1-approved'))
  expect(more).toEqual([])
  expect(textOf(row)).toContain(
    'support-agent for dana prod tool grant_role on crm/customers ◐ hold roles high Carol Chen login, by console 3.0 s ▸ executed ✓ verified approved by carol',
  )
  expect(row).toContain('href="/requests/1-approved"')
  expect(row).toContain('href="/requests/1-approved#timeline"')
  expect(row).toContain(`href="/traces/${place.traceId}"`)
})

test('console - whoever refused an action does not pass for whoever authorized it', async () => {
  const place = { traceId: 'a2'.repeat(16), spanId: 'a2'.repeat(8) }
  const atMs = nowMs - 9 * MINUTE_MS
  await storeDecided(writer, { requestId: '1-denied', atMs, ...place, decision: 'denied' })
  const unjudged = rowsOf(await bob.page('/actions?text=1-denied'))[0] ?? ''
  expect(textOf(unjudged)).toMatch(/answered by Carol Chen .*⊘ not run not judged yet/)
  await store({
    atMs,
    ...place,
    requestId: '1-denied',
    verification: 'missing',
    detail: 'ran, though denied',
  })
  const ran = rowsOf(await bob.page('/actions?text=1-denied'))[0] ?? ''
  expect(textOf(ran)).toMatch(/answered by Carol Chen .*ran, though denied/)
  expect(ran).toContain('class="alarming"')
})

test('console - violations have their kind, their number, their reason and their trace', async () => {
  const kinds: Verification[] = ['forged', 'missing', 'replayed', 'unbound', 'observed']
  const atMs = nowMs - 8 * MINUTE_MS
  await store(
    ...kinds.map((verification, index) => ({
      atMs: atMs + index,
      name: `did_${verification}`,
      traceId: `${index}b`.repeat(16),
      verification,
      detail: `because of ${verification}`,
    })),
    { atMs, name: 'fine', verification: 'refused' as const },
    { atMs, name: 'allowed', verification: 'not_required' as const, ruling: 'allow' as const },
  )
  const page = await bob.page('/violations')
  expect(namesOf(page).slice(0, 5)).toEqual(kinds.map((kind) => `did_${kind}`).reverse())
  for (const [index, kind] of kinds.entries()) {
    const row = rowsOf(page).find((one) => one.includes(`did_${kind}`)) ?? ''
    expect(textOf(row)).toContain(`because of ${kind}`)
    expect(row).toContain(`href="/traces/${`${index}b`.repeat(16)}"`)
  }
  const tiles = textOf(page.slice(page.indexOf('class="kinds"'), page.indexOf('id="violations"')))
  expect(tiles).toMatch(/1 ✕ forged .*2 ! missing .*1 ↻ replayed .*1 ≠ unbound .*1 ◐ observed/)
  expect(namesOf(await bob.page('/violations?verification=forged'))).toEqual(['did_forged'])
  expect(await bob.page('/violations?range=1h&to=2020-01-01')).toContain('No violation was found')
})

test('console - filters narrow the list down, and stay in its form', async () => {
  const atMs = nowMs - 7 * MINUTE_MS
  await store(
    { atMs, agent: 'billing-agent', name: 'pay', verification: 'observed' },
    {
      atMs: atMs - 1,
      agent: 'billing-agent',
      name: 'look_up',
      verification: 'not_required',
      ruling: 'allow',
    },
    { atMs, environment: 'staging', name: 'rehearse', verification: 'unverifiable' },
    { atMs, name: 'drop_all', verification: 'refused', ruling: 'deny' },
  )
  for (const [query, names] of [
    ['agent=billing-agent', ['pay']],
    ['agent=billing-agent&show=all', ['pay', 'look_up']],
    ['agent=nobody', []],
    ['environment=staging', ['rehearse']],
    ['ruling=deny', ['drop_all']],
    ['ruling=allow', ['look_up', 'allowed']],
    ['verification=not_required&agent=&text=', ['look_up', 'allowed']],
    ['text=REHEARSE', ['rehearse']],
    ['text=carol&range=24h', ['grant_role', 'grant_role']],
    [`from=${iso(atMs - 1)}&to=${iso(atMs - 1)}&show=all`, ['look_up']],
    [`to=${iso(nowMs - 9 * MINUTE_MS)}&range=1h`, ['grant_role', 'grant_role']],
  ] as const)
    expect(namesOf(await bob.page(`/actions?${query}`)), query).toEqual(names)
  const page = await bob.page('/actions?text=Carol&ruling=hold&range=24h')
  expect(page).toContain('name="text" value="Carol"')
  expect(page).toContain('<option value="hold" selected>')
  expect(page).toContain(
    '<a href="/actions?text=Carol&amp;ruling=hold&amp;range=24h" aria-current="true">24 hours',
  )
})
const iso = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '')

test('console - a wrong filter is named, with what was expected, and nothing is shown in its place', async () => {
  for (const [path, words] of [
    ['/actions?ruling=maybe', /ruling is "maybe", expected "allow" or "hold" or "deny"/],
    ['/actions?from=yesterday', /from is "yesterday", expected a time such as 2026-11-21T16:30/],
    ['/actions?from=2026-02-31', /from is "2026-02-31", expected a time/],
    ['/actions?from=2026-13-01T00:00', /from is "2026-13-01T00:00", expected a time/],
    ['/actions?to=2026-11-21T16:30%2B99:00', /to is "2026-11-21T16:30\+99:00", expected a time/],
    ['/actions?from=2026-11-22&to=2026-11-20', /from is 2026-11-22T00:00:00, expected a time before to/],
    ['/actions?from=2020-01-01&to=2026-01-01', /expected a time at most 366 days before/],
    ['/actions?range=3d', /range is "3d", expected "1h" or "24h"/],
    ['/actions?agnt=billing-agent', /agnt is "agnt", expected one of the keys range, from, to, text/],
    ['/actions?agent=a&agent=b', /agent is a list of 2, expected a text/],
    [`/actions?text=${'x'.repeat(501)}`, /text is "x+…, expected a text of 1 to 500 characters/],
    ['/actions?after=..%2F..', /after is "..\/..", expected the `after` of the page before/],
    ['/actions?after=W10', /after is "W10", expected the `after` of the page before/],
    ['/violations?verification=verified', /verification is "verified", expected "forged"/],
  ] as const) {
    const answer = await bob.get(path)
    const page = await answer.text()
    expect([answer.status, codeOf(page)], path).toEqual([400, 'INVALID_INPUT'])
    expect(/<p class="detail">([^<]*)</.exec(page)?.[1]?.replaceAll('&quot;', '"'), path).toMatch(words)
    expect(rowsOf(page)).toEqual([])
    expect(page).toContain('<form class="narrow"')
  }
  for (const { name, text } of HOSTILE_TEXTS.filter((one) => isSendable(one) && one.text.length < 400)) {
    const page = await (
      await bob.get(`/actions?ruling=${encodeURIComponent(text)}&from=${encodeURIComponent(text)}`)
    ).text()
    expect(page.match(/<[^<>]*>/g)?.join('\n'), name).not.toMatch(/<(img|svg onload|script>)/)
  }
})

test('console - across pages each row is there exactly once, while others arrive', async () => {
  const atMs = nowMs - 5 * MINUTE_MS
  // Many of one moment, as an agent may date its spans.
  const name = (index: number): string => `step_${index}`
  const deed = (index: number, more = 0): Deed => ({
    atMs: atMs - (index % 3 === 0 ? index : 0) - more,
    agent: 'pager',
    name: name(index),
    verification: index % 2 === 0 ? 'observed' : 'forged',
  })
  await store(...Array.from({ length: 130 }, (_, index) => deed(index)))
  for (const list of ['/actions?agent=pager', '/violations?agent=pager&range=1h']) {
    const seen: string[] = []
    let path: string | undefined = list
    for (let pages = 0; path !== undefined && pages < 10; pages++) {
      const page: string = await bob.page(path)
      expect(rowsOf(page).length).toBeLessThanOrEqual(50)
      seen.push(...namesOf(page).filter((one) => /^step_\d+$/.test(one)))
      path = nextOf(page)
      await store({
        atMs: nowMs - 1_000 + pages,
        agent: 'pager',
        name: `new_${pages}`,
        verification: 'observed',
      })
    }
    expect(seen.toSorted()).toEqual(Array.from({ length: 130 }, (_, index) => name(index)).toSorted())
  }
})

test('console - a trace has a page of its own, also where no request is about it', async () => {
  const traceId = '0b'.repeat(16)
  const page = await bob.page(`/traces/${traceId.toUpperCase()}`)
  expect(page).toContain('Actions whose spans are not here')
  expect(page).toContain('<span class="finding stop">forged</span>')
  expect(page).toContain('because of forged')
  const approved = await bob.page(`/traces/${'a1'.repeat(16)}`)
  expect(approved).toContain('<b>Authorized</b> Carol Chen')
  expect(approved).toContain('href="/requests/1-approved"')
  expect(await bob.page(`/traces/${'77'.repeat(16)}`)).toContain('Nothing of this trace is in ClickHouse')
  expect(await bob.page(`/traces/${'0'.repeat(32)}`)).toContain('does not trace')
  const wrong = await bob.get('/traces/%3Cimg%20src=x%3E')
  const words = await wrong.text()
  expect([wrong.status, codeOf(words)]).toEqual([400, 'INVALID_INPUT'])
  expect(words).not.toContain('<img')
})

test('console - what the ledger has and ClickHouse has not is said', async () => {
  expect(await bob.page('/actions')).not.toContain('is behind the ledger')
  await scene.hold({ name: 'not_stored' })
  scene.house.clock.advance(30_000)
  expect(await bob.page('/violations')).toContain('ClickHouse is behind the ledger')
})

const PATHS = ['/actions', '/violations', `/traces/${'a1'.repeat(16)}`]

test('console - without ClickHouse the pages say so, and how to get it', async () => {
  const own = (await startScene({ house: scene.house })).browser('bob')
  for (const path of PATHS) {
    const page = await own.page(path)
    expect(page, path).toContain('has no ClickHouse to read')
    expect(page, path).toContain('clickhouse.url')
    expect(page, path).not.toMatch(/No violation|No action|Nothing has been stored/)
  }
})

test.each([
  ['that never answers', () => new Promise<never>(() => {})],
  ['that fails', () => Promise.reject(new Error('secret-host: down'))],
])('console - of a store %s nothing is concluded', async (_, query) => {
  const own = await startScene({ house: scene.house, store: { query }, patienceMs: 20 })
  for (const path of PATHS) {
    const answer = await own.browser('bob').get(path)
    const page = await answer.text()
    expect(answer.status, path).toBe(path.startsWith('/traces') ? 200 : 503)
    expect(page).toContain('ClickHouse did not answer')
    expect(page).toMatch(/<\/html>\s*$/)
    expect(page).not.toMatch(
      /secret-host|No violation|No action|Nothing has been stored|Nothing of this trace/,
    )
  }
})

test('console - whom the broker does not know, and whoever is signed out, is shown nothing', async () => {
  const { sessions, app } = scene
  const person = { iss: 'https://idp', sub: 'eve', name: 'Eve', groups: [], assurance: 'login' as const }
  const browser = createBrowser(app, { cookies: {} })
  const holdpoint = sessions.open(
    { person: { ...person, service: false }, tokens: { idToken: 'x.y.z' } },
    CHROMIUM,
  )
  browser.cookies.set('holdpoint', holdpoint)
  for (const path of PATHS) {
    const answer = await browser.get(path)
    const page = await answer.text()
    expect([answer.status, codeOf(page)], path).toEqual([401, 'UNAUTHENTICATED'])
    expect(page).not.toMatch(/grant_role|Carol/)
    const gone = await createBrowser(app).get(path)
    expect([gone.status, gone.headers.get('location')]).toEqual([
      303,
      `/sign-in?return=${encodeURIComponent(path)}`,
    ])
    expect((await bob.post(path, {})).status).toBe(405)
  }
})
