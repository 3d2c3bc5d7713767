import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Page } from 'playwright-core'
import { type Scene, startScene } from '../browser/support/scene.ts'
import { holdAction } from '../support/held.ts'
import { attemptOf, type TestAgent } from '../support/house.ts'
import type { RunOptions } from '../support/runner.ts'
import { percentile } from './support/percentile.ts'

export const summary =
  'The inbox with 1,000 pending requests: first byte, size, and how soon a new one stands in an open page.'

const PENDING = 1_000
const AGENTS = 8
const WARM_UP = 10
const HEARTBEAT_MS = 5_000
const FRESH = 20

/** Broker in a process of its own; the console in this one, on a socket; Chromium as people have it. */
export async function run({ n = 60, say }: RunOptions): Promise<Record<string, unknown>> {
  const scene = await startScene({ broker: false })
  try {
    await scene.house.spawnBroker()
    const names = Array.from({ length: AGENTS }, (_, index) => `bench-agent-${index}`)
    const agents = await Promise.all(names.map((name) => scene.house.agent(name)))
    const stopBeating = beat(agents)
    await Promise.all(agents.map(fill))
    say(`${PENDING} requests wait`)
    const page = await scene.visitAs('bob')
    const { total } = await scene.house.desk.list(scene.house.token('bob'))
    if (total !== PENDING) throw new Error(`${total} requests wait, expected ${PENDING}`)

    const inbox = await measureInbox(page, scene.url, n)
    say('measured the inbox')
    const live = await measureLive(scene, page, agents[0] as TestAgent, n)
    stopBeating()
    const p = (values: number[], at: number): number => Number(percentile(values, at).toFixed(2))
    return {
      n,
      pending: PENDING,
      inboxMs: p(inbox.firstByteMs, 0.5),
      inboxP99Ms: p(inbox.firstByteMs, 0.99),
      pageKb: inbox.bytes / 1000,
      sentKb: inbox.sentBytes / 1000,
      liveMs: p(live.rowMs, 0.5),
      liveP99Ms: p(live.rowMs, 0.99),
      liveEventMs: p(live.eventMs, 0.5),
    }
  } finally {
    await scene.stop()
  }
}

async function fill(agent: TestAgent): Promise<void> {
  for (let index = 0; index < PENDING / AGENTS; index++) await holdAction(agent, attempt())
}

/** As honest agents do: what waits for a process that is not heard from is taken back. */
function beat(agents: readonly TestAgent[]): () => void {
  const timer = setInterval(() => {
    for (const agent of agents) void agent.call('heartbeat', { process: agent.process, waiting: [] })
  }, HEARTBEAT_MS)
  return () => clearInterval(timer)
}

const attempt = () => attemptOf({ name: 'export_customers', target: 'crm.eu-west-1/customers' })

/** What a signed-in browser asks for, without a browser's own work. */
async function measureInbox(page: Page, url: string, n: number) {
  const cookies = await page.context().cookies(url)
  const headers = {
    cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
    // A session belongs to the browser that opened it.
    'user-agent': await page.evaluate<string>('navigator.userAgent'),
  }
  const plain = { bytes: 0, firstByteMs: [] as number[] }
  for (let index = 0; index < WARM_UP + n; index++) {
    const { firstByteMs, bytes } = await get(url, headers)
    if (index >= WARM_UP) plain.firstByteMs.push(firstByteMs)
    plain.bytes = bytes
  }
  const { bytes: sentBytes } = await get(url, { ...headers, 'accept-encoding': 'gzip, br' })
  return { ...plain, sentBytes }
}

async function get(url: string, headers: Record<string, string>) {
  const askedAt = performance.now()
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    httpRequest(url, { headers }, resolve).on('error', reject).end(),
  )
  if (response.statusCode !== 200) throw new Error(`${response.statusCode} for ${url}`)
  const first = Promise.withResolvers<number>()
  let bytes = 0
  for await (const chunk of response) {
    first.resolve(performance.now())
    bytes += (chunk as Buffer).length
  }
  return { firstByteMs: (await first.promise) - askedAt, bytes }
}

/** From the agent's call to the row in the page, on this process' clock; and to the event at the console's own door. */
async function measureLive({ house, url }: Scene, page: Page, agent: TestAgent, n: number) {
  const shown = seen()
  const announced = seen()
  const unwatch = house.desk.watch((event, { requestId }) => {
    if (event === 'opened') announced.at(requestId)
  })
  await page.exposeFunction('benchSaw', (requestId: string) => shown.at(requestId))
  const rowMs: number[] = []
  const eventMs: number[] = []
  for (let index = 0; index < WARM_UP + n; index++) {
    // A page takes some new rows and then only counts: it is looked at afresh now and then, as people do.
    if (index % FRESH === 0) await openInbox(page, url)
    const askedAt = performance.now()
    const { requestId } = await holdAction(agent, attempt())
    const [row, event] = await Promise.all([shown.when(requestId), announced.when(requestId)])
    if (index < WARM_UP) continue
    rowMs.push(row - askedAt)
    eventMs.push(event - askedAt)
  }
  unwatch()
  return { rowMs, eventMs }
}

async function openInbox(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.locator('body.is-live').waitFor()
  await page.evaluate(REPORT_ROWS)
}

/** Runs in the page: names each request whose link appears. */
const REPORT_ROWS = `
  const report = (link) => {
    const id = /\\/requests\\/([^/?#]+)/.exec(link.getAttribute('href') ?? '')?.[1]
    if (id !== undefined) benchSaw(decodeURIComponent(id))
  }
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node instanceof Element) [node, ...node.querySelectorAll('a[href]')].forEach(report)
  }).observe(document.body, { childList: true, subtree: true })
`

/** When each id was first seen, however the asking and the seeing overtake each other. */
function seen() {
  const waits = new Map<string, PromiseWithResolvers<number>>()
  const waitOf = (id: string): PromiseWithResolvers<number> => {
    const wait = waits.get(id) ?? Promise.withResolvers<number>()
    waits.set(id, wait)
    return wait
  }
  return {
    at: (id: string): void => waitOf(id).resolve(performance.now()),
    async when(id: string): Promise<number> {
      const late = new Promise<never>((_, reject) =>
        setTimeout(() => reject(new Error(`${id} did not come into the page`)), 10_000).unref(),
      )
      return Promise.race([waitOf(id).promise, late])
    },
  }
}
