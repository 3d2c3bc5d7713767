import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Verification } from '#contract'
import { createStore, type Store } from '#store'
import { actedTable } from '../../src/console/investigate/acted-row.ts'
import { pageOf } from '../../src/console/investigate/paging.ts'
import { violationTable } from '../../src/console/investigate/violation-row.ts'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { HOSTILE_TEXTS, hostileIn } from '../support/hostile.ts'
import { type Browser, codeOf, createBrowser } from './cookie-jar.ts'
import { type Deed, finding, storeDecided } from './investigated.ts'
import { type Scene, startScene } from './scene.ts'

let running: RunningEngine
let writer: Store
let reader: Store
let scene: Scene
let bob: Browser
let nowMs: number
beforeAll(async () => {
  const starting = startScene()
  running = await startEngine()
  writer = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await writer.migrate()
  scene = await startScene({ house: (await starting).house, store: reader })
  bob = scene.browser('bob')
  nowMs = scene.house.clock.now()
}, 30_000)
afterAll(async () => {
  await scene?.stop()
  await Promise.all([writer.close(), reader.close()])
  await running.stop()
})

const MINUTE_MS = 60_000
let batches = 0
const store = (...deeds: Deed[]): Promise<void> =>
  writer.insertFindings(deeds.map(finding), `batch ${++batches}`)

const rowsOf = (page: string): string[] => page.match(/<tr role="row" data-row[\s\S]*?<\/tr>/g) ?? []
const namesOf = (page: string): string[] => rowsOf(page).map((row) => /<b>(?:tool )?(\w+)<\/b>/.exec(row)?.[1] ?? '')
const nextOf = (page: string): string | undefined =>
  /rel="next" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
const textOf = (markup: string): string => markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')

describe('investigation', () => {
  test('console - an empty list out of an empty store is said to say nothing', async () => {
    for (const path of ['/actions', '/violations']) {
      const page = await bob.page(path)
      expect(page, path).toContain('Nothing has been stored yet')
      expect(page, path).not.toContain('No violation was found')
    }
  })

  test('console - who acted stands beside who authorized it, with the way to card, trace and ledger', async () => {
    const place = { traceId: 'a1'.repeat(16), spanId: 'a1'.repeat(8) }
    const atMs = nowMs - 10 * MINUTE_MS
    await storeDecided(writer, { requestId: '1-approved', atMs, ...place, decision: 'approved' })
    await store({ atMs, ...place, requestId: '1-approved', verification: 'verified', detail: 'approved by carol' })
    const page = await bob.page('/actions?text=1-approved')
    const [row = '', ...more] = rowsOf(page)
    expect(more).toEqual([])
    expect(textOf(row)).toMatch(
      /support-agent for dana prod tool grant_role on crm\/customers ◐ hold roles high Carol Chen login, by console 3\.0 s ▸ executed ✓ verified approved by carol/,
    )
    expect(row).toContain('href="/requests/1-approved"')
    expect(row).toContain('href="/requests/1-approved#timeline"')
    expect(row).toContain(`href="/traces/${place.traceId}"`)
  })

  test('console - whoever refused an action does not pass for whoever authorized it', async () => {
    const place = { traceId: 'a2'.repeat(16), spanId: 'a2'.repeat(8) }
    const atMs = nowMs - 9 * MINUTE_MS
    await storeDecided(writer, { requestId: '1-denied', atMs, ...place, decision: 'denied' })
    const unjudged = textOf(rowsOf(await bob.page('/actions?text=1-denied'))[0] ?? '')
    expect(unjudged).toContain('answered by Carol Chen')
    expect(unjudged).toContain('⊘ not run not judged yet')
    await store({ atMs, ...place, requestId: '1-denied', verification: 'missing', detail: 'ran, though denied' })
    const ran = rowsOf(await bob.page('/actions?text=1-denied'))[0] ?? ''
    expect(textOf(ran)).toContain('answered by Carol Chen')
    expect(ran).toContain('class="alarming"')
  })

  test('console - violations have their kind, their number, their reason and their trace', async () => {
    const kinds: Verification[] = ['forged', 'missing', 'replayed', 'unbound', 'observed']
    const at = (index: number): number => nowMs - 8 * MINUTE_MS + index
    await store(
      ...kinds.map((verification, index) => ({
        atMs: at(index),
        name: `did_${verification}`,
        traceId: `${index}b`.repeat(16),
        verification,
        detail: `because of ${verification}`,
      })),
      { atMs: at(9), name: 'fine', verification: 'refused' as const },
      { atMs: at(9), name: 'allowed', verification: 'not_required' as const, ruling: 'allow' as const },
    )
    const page = await bob.page('/violations')
    expect(namesOf(page).slice(0, 5)).toEqual([...kinds.map((kind) => `did_${kind}`)].reverse())
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

  test.each([
    ['agent=billing-agent', ['pay']],
    ['environment=staging', ['rehearse']],
    ['ruling=deny', ['drop_all']],
    ['ruling=allow', ['allowed', 'lookup']],
    ['verification=not_required', ['allowed', 'lookup']],
    ['verification=verified&text=approved', ['grant_role']],
    ['text=REHEARSE', ['rehearse']],
    ['text=carol', ['grant_role', 'grant_role']],
    ['show=all&agent=billing-agent', ['pay', 'lookup']],
    ['agent=nobody', []],
  ])('console - %s narrows the list down', async (query, names) => {
    if (batches < 10) {
      const atMs = nowMs - 7 * MINUTE_MS
      await store(
        { atMs, agent: 'billing-agent', name: 'pay', verification: 'observed' },
        { atMs: atMs - 1, agent: 'billing-agent', name: 'lookup', verification: 'not_required', ruling: 'allow' },
        { atMs, environment: 'staging', name: 'rehearse', verification: 'unverifiable' },
        { atMs, name: 'drop_all', verification: 'refused', ruling: 'deny' },
      )
      batches = 10
    }
    expect(namesOf(await bob.page(`/actions?${query}`))).toEqual(names)
  })
})
