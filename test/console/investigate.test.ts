import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStore, type Store } from '#store'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { HOSTILE_TEXTS, isSendable } from '../support/hostile.ts'
import { type Browser, CHROMIUM, codeOf, createBrowser } from './cookie-jar.ts'
import {
  ADDRESSES,
  type Asked,
  type Deed,
  finding,
  KINDS,
  MISTAKES,
  namesOf,
  nextOf,
  rowsOf,
  storeWeek,
  textOf,
  tilesOf,
  violationAt,
} from './investigated.ts'
import { type Scene, startScene } from './scene.ts'

let running: RunningEngine
let writer: Store
let scene: Scene
let bob: Browser
let nowMs: number
beforeAll(async () => {
  const [{ house }, engine] = await Promise.all([startScene(), startEngine({ migrated: true })])
  running = engine
  writer = createStore(running.engine.writer)
  await writer.migrate()
  // A busy machine is no slow store.
  scene = await startScene({ house, store: createStore(running.engine.reader), patienceMs: 60_000 })
  bob = scene.browser('bob')
  nowMs = house.clock.now()
}, 60_000)
afterAll(async () => {
  await scene?.stop()
  await writer.close()
  await running.stop()
})

const MINUTE_MS = 60_000
let batches = 0
const store = (...deeds: Deed[]): Promise<void> =>
  writer.insertFindings(deeds.map(finding), `batch ${++batches}`)

const iso = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '')

test('console - who acted stands beside who authorized it, with the way to card, trace and ledger', async () => {
  await storeWeek(writer, nowMs)
  const page = await bob.page('/actions')
  expect(namesOf(page)).toHaveLength(12)
  const rowOf = (id: string): string => rowsOf(page).find((row) => row.includes(`/requests/${id}"`)) ?? ''
  const approved = rowOf('1-approved')
  expect(textOf(approved)).toContain(
    'support-agent for dana prod tool grant_role on crm/customers ◐ hold roles high Carol Chen login, by console 3.0 s ▸ executed ✓ verified Request',
  )
  expect(approved).toContain('href="/requests/1-approved#timeline"')
  expect(approved).toContain(`href="/traces/${'a1'.repeat(16)}"`)

  // Whoever refused it must not pass for whoever authorized it, least of all where it ran.
  expect(textOf(rowOf('1-denied'))).toMatch(/denied by Carol Chen .*⊘ not run not judged yet/)
  expect(textOf(rowOf('1-ran'))).toMatch(/denied by Carol Chen .*! missing ran, though denied/)
  expect(rowOf('1-ran')).toContain('class="alarming"')
  expect(page).not.toContain('is behind the ledger')

  const authorizedOf = (page: string, name: string): string =>
    /class="authorized"[^>]*>(.*?)<\/td>/.exec(rowsOf(page).find((row) => row.includes(name)) ?? '')?.[1] ??
    ''
  // Nobody is an alarm where it ran all the same, and none where nobody had to be asked.
  expect(authorizedOf(page, 'did_missing')).toBe(
    '<span class="badge stop"><span aria-hidden="true">!</span> nobody</span>',
  )
  expect(authorizedOf(page, 'did_observed')).toBe('<span class="nobody">nobody: only observed</span>')
  expect(authorizedOf(page, 'pay')).toBe('<span class="nobody">unknown</span>')
  expect(authorizedOf(await bob.page('/actions?show=all'), 'pay_less')).toBe(
    '<span class="nobody">policy alone</span>',
  )
})

test('console - a name leads to what else that person released, or refused, and not to the other', async () => {
  const page = await bob.page('/actions')
  expect(page).toContain('<b><a href="/actions?approver=Carol+Chen">Carol Chen</a></b>')
  expect(page).toContain('denied by <a href="/actions?text=Carol+Chen">Carol Chen</a>')
  const released = await bob.page('/actions?approver=carol')
  expect(rowsOf(released).map((row) => /\/requests\/([^"#]+)/.exec(row)?.[1])).toEqual(['1-approved'])
  const denied = await bob.page('/actions?decision=denied&user=DANA&kind=tool&action=grant&target=crm')
  expect(rowsOf(denied)).toHaveLength(2)
  expect(namesOf(await bob.page('/actions?decision=none&ruling=unknown'))).toEqual([])
})

test('console - violations have their kind, their number, their reason and their trace', async () => {
  const page = await bob.page('/violations')
  expect(namesOf(page)).toEqual([...KINDS.map((kind) => `did_${kind}`).reverse(), 'grant_role'])
  for (const [index, kind] of KINDS.entries()) {
    const row = rowsOf(page).find((one) => one.includes(`did_${kind}`)) ?? ''
    expect(textOf(row)).toContain(`because of ${kind}`)
    expect(row).toContain(`href="/traces/${`${index}b`.repeat(16)}"`)
  }
  expect(tilesOf(page)).toMatch(/ 1 ✕ forged .* 2 ! missing .* 1 ↻ replayed .* 1 ≠ unbound .* 1 ◐ observed/)
})
test('console - filters narrow the list down together, and stay in its form', async () => {
  const [from, to] = [nowMs - 8 * MINUTE_MS, nowMs - 6.5 * MINUTE_MS].map(iso)
  const query = `agent=billing-agent&environment=prod&ruling=hold&verification=unverifiable&text=PAY&from=${from}&to=${to}`
  const page = await bob.page(`/actions?${query}`)
  expect(namesOf(page)).toEqual(['pay'])
  expect(page).toContain('name="text" value="PAY"')
  expect(page).toContain('<option value="hold" selected>')
  expect(page).toContain(
    'agent=billing-agent&amp;environment=prod&amp;ruling=hold&amp;verification=unverifiable&amp;text=PAY&amp;range=24h">24 hours',
  )
})

test('console - across pages each row is there exactly once, while others arrive', async () => {
  // Many of one moment, as an agent may date its spans.
  const name = (index: number): string => `step_${index}`
  const deeds = Array.from({ length: 80 }, (_, index) => ({
    atMs: nowMs - 5 * MINUTE_MS - (index % 4 === 0 ? index : 0),
    agent: 'pager',
    name: name(index),
    verification: 'observed' as const,
  }))
  await store(...deeds)
  const first = await bob.page('/actions?agent=pager')
  await store({ atMs: nowMs - 1_000, agent: 'pager', name: 'newer', verification: 'observed' })
  const second = await bob.page(nextOf(first) ?? '')
  expect([...namesOf(first), ...namesOf(second)].toSorted()).toEqual(
    deeds.map((deed) => deed.name).toSorted(),
  )
  expect([namesOf(first).length, nextOf(second)]).toEqual([50, undefined])
})

test('console - a trace has a page of its own, also where no request is about it', async () => {
  const page = await bob.page(`/traces/${'0b'.repeat(16).toUpperCase()}`)
  expect(page).toContain('Actions whose spans are not here')
  expect(page).toContain('<span class="finding stop">forged</span>')
  expect(page).toContain('because of forged')
  const approved = await bob.page(`/traces/${'a1'.repeat(16)}`)
  expect(approved).toContain('<b>Authorized</b> Carol Chen')
  expect(approved).toContain('href="/requests/1-approved"')
})

test('console - a wrong filter is named, with what was expected, and nothing is shown in its place', async () => {
  for (const [path, words] of MISTAKES) {
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

/** Another ClickHouse beside the same broker: `answer` is given what a page asks for. */
async function beside(
  answer: (asked: Asked) => unknown[] | Promise<never>,
  patienceMs = 60_000,
): Promise<Browser> {
  const query = async (_: string, params: unknown) => answer(params as Asked) as never
  return (await startScene({ house: scene.house, store: { query }, patienceMs })).browser('bob')
}
test('console - an address is asked for as it says, and for no more than a page', async () => {
  const asked: Asked[] = []
  const browser = await beside((one) => {
    asked.push(one)
    return []
  })
  for (const [query, expected] of ADDRESSES) {
    asked.length = 0
    await browser.page(`/actions?${query}`)
    expect(asked[0], query).toMatchObject({ most: 51, ...expected })
  }
  asked.length = 0
  await browser.page('/actions?range=1h')
  const { fromMs = 0, toMs = 0 } = asked[0] ?? {}
  expect([toMs - fromMs, toMs >= nowMs]).toEqual([60 * MINUTE_MS, true])
  expect(asked[0]?.verifications).toEqual(expect.arrayContaining(['', 'verified', 'forged', 'unverifiable']))
  expect(asked[0]?.verifications).not.toContain('not_required')
})
test('console - violations are counted where they lie, however many, and none hides the others', async () => {
  const observed = Array.from({ length: 5_000 }, (_, index) => violationAt(nowMs, index, 'observed'))
  const all = [...observed, violationAt(nowMs, 6_000, 'forged')]
  const counts = { forged: '1', missing: 0, replayed: 0, unbound: 0, observed: '5000000' }
  const browser = await beside(({ verifications, most, toMs, afterTie = '' }) =>
    most === undefined
      ? [counts]
      : all
          .filter((row) => verifications.length === 0 || verifications.includes(row.verification))
          .filter((row) => Date.parse(`${row.at}Z`) < toMs + (afterTie === '' ? 1 : 0))
          .slice(0, most),
  )
  const page = await browser.page('/violations')
  expect(tilesOf(page)).toMatch(/ 1 ✕ forged .* 0 ! missing .* 5,000,000 ◐ observed/)
  expect(namesOf(page)).toHaveLength(50)
  const second = await browser.page(nextOf(page) ?? '')
  expect(namesOf(second)[0]).toBe('did_50')
  expect(namesOf(await browser.page('/violations?verification=forged'))).toEqual(['did_6000'])
})

test('console - an empty list says what it means: of an empty store nothing, of a full one that nothing was found', async () => {
  const bare = await beside(() => [])
  for (const path of ['/actions', '/violations'])
    expect(await bare.page(path)).toContain('Nothing has been stored yet')
  expect(await bare.page('/violations')).not.toContain('No violation was found')
  expect(await bare.page(`/traces/${'7'.repeat(32)}`)).toContain('Nothing of this trace is in ClickHouse')
  expect(await bare.page(`/traces/${'0'.repeat(32)}`)).toContain('does not trace')

  const full = await beside(({ fromMs }) => (fromMs === 0 ? [violationAt(nowMs, 1, 'verified')] : []))
  expect(await full.page('/violations')).toContain('No violation was found')
  expect(await full.page('/violations?agent=a')).not.toContain('No violation was found')
  expect(await full.page('/actions')).toContain('No action')
  // With very much in it the question may take long, which is an answer.
  const slow = await beside(({ most }) => (most === 1 ? new Promise<never>(() => {}) : []), 200)
  expect(await slow.page('/violations')).toContain('No violation was found')
})

test('console - what the ledger has and ClickHouse has not is said', async () => {
  const requestId = await scene.hold({ name: 'not_stored' })
  const isProbe = ({ text, fromMs, toMs }: Asked): boolean => text === requestId && fromMs === toMs
  const row = {
    ...violationAt(nowMs, 1, 'verified'),
    ...{ authorized_by: '', decision: '' as const, approvers: [], refused_by: [] },
    action: '',
    user: '',
    risk: '',
    environment: '',
    wait_ms: null,
  }
  const upToDate = await beside((asked) => (isProbe(asked) || 'environments' in asked ? [row] : []))
  const behind = await beside((asked) => (isProbe(asked) ? [] : 'environments' in asked ? [row] : []))
  // On its way, as it may be for a while.
  expect(await behind.page('/actions')).not.toContain('is behind the ledger')
  scene.house.clock.advance(30_000)
  expect(await behind.page('/actions')).toContain('ClickHouse is behind the ledger')
  expect(await behind.page('/violations')).toContain('ClickHouse is behind the ledger')
  expect(await upToDate.page('/actions')).not.toContain('is behind the ledger')
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
  const { sessions, app, house } = scene
  const eve = { iss: 'https://idp', sub: 'eve', name: 'Eve', groups: [], assurance: 'login' as const }
  // Somebody else's token, in which a character was changed.
  const idToken = house
    .token('bob')
    .replace(/\.(.)([^.]*)$/, (_, char, rest) => `.${char === 'A' ? 'B' : 'A'}${rest}`)
  const holdpoint = sessions.open({ person: { ...eve, service: false }, tokens: { idToken } }, CHROMIUM)
  const browser = createBrowser(app, { cookies: { holdpoint } })
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
