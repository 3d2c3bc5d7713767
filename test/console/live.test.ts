import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createConsole } from '#console'
import { createHttpServer } from '#runtime'
import { reviewAs } from '../support/held.ts'
import { createFakeLog } from '../support/log.ts'
import { type Browser, CHROMIUM, createBrowser, fieldsOf, ORIGIN } from './cookie-jar.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene({ heartbeatMs: 30, mostStreamsPerSession: 2, mostStreams: 5 })
})
afterAll(() => scene.stop())

interface Stream {
  /** The next event by this name; others are passed over. */
  next(name: string): Promise<Record<string, unknown>>
  /** Resolves when the console has ended the stream. */
  ended(): Promise<void>
  close(): Promise<void>
}

async function listen(browser: Browser, path = '/events'): Promise<Stream> {
  const response = await browser.get(path)
  if (response.status !== 200 || !response.body) throw new Error(`${path} is ${response.status}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const stream: Stream = {
    async next(name) {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end < 0) {
          const { value, done } = await reader.read()
          if (done) throw new Error(`the stream ended before ${name}`)
          text += value
          continue
        }
        const [, event, data] = /^(?:id: .*\n)?event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? []
        text = text.slice(end + 2)
        if (event === name) return JSON.parse(data ?? '')
      }
    },
    async ended() {
      while (!(await reader.read()).done);
    },
    close: () => reader.cancel(),
  }
  await stream.next('ready')
  return stream
}

test('console - a new request is sent to every open inbox as it would stand there, and to whom it is for', async () => {
  const [bob, alice] = [await listen(scene.browser('bob')), await listen(scene.browser('alice'))]
  const id = await scene.hold({ name: 'grant_<role>' })
  const [own, others] = [await bob.next('row'), await alice.next('row')]
  expect(own).toMatchObject({ id, isMine: true, isPending: true, isNew: true })
  expect(others).toMatchObject({ id, isMine: false, isNew: true })
  expect(own.html).toContain(`href="/requests/${id}"`)
  expect(own.html).toContain('grant_&lt;role&gt;')
  expect(own.say).toBe('Waiting: grant_<role>, asked by support-agent')

  await reviewAs(scene.house, 'carol', id, 'deny')
  const rows = [await bob.next('row'), await bob.next('row')]
  expect(rows.map(({ isPending, isNew }) => [isPending, isNew])).toEqual([
    [true, false],
    [false, false],
  ])
  expect(rows[1]?.html).toContain('denied')
  await Promise.all([bob.close(), alice.close()])
})

test('console - an inbox that is narrowed down hears of what matches alone', async () => {
  const bob = await listen(scene.browser('bob'), '/events?text=WANTED&environment=prod')
  await scene.hold({ name: 'something_else' })
  const id = await scene.hold({ name: 'the_wanted_one' })
  expect((await bob.next('row')).id).toBe(id)
  await bob.close()
})

test('console - an open card hears of its own request alone', async () => {
  const id = await scene.hold({ name: 'wire_money' })
  const bob = await listen(scene.browser('bob'), `/events?request=${id}`)
  const other = await scene.hold()
  await reviewAs(scene.house, 'bob', other)
  await reviewAs(scene.house, 'carol', id)
  let status = await bob.next('status')
  // Its own opening may be on its way still.
  if (`${status.html}`.includes('2 more')) status = await bob.next('status')
  expect(status.isPending).toBe(true)
  expect(status.html).toContain('1 more approval needed')
  expect(status.html).toContain('Carol Chen (carol) approved')
  await bob.close()
})

test('console - a stream ends with its session', async () => {
  const browser = scene.browser('bob')
  const stream = await listen(browser)
  scene.sessions.close(browser.cookies.get('holdpoint') ?? '')
  await stream.next('signed-out')
  await stream.ended()
})

test('console - signing out ends every stream of the session at once', async () => {
  const patient = await startScene({ house: scene.house, heartbeatMs: 3_600_000 })
  const [browser, other] = [patient.browser('bob'), patient.browser('bob')]
  const [own, stays] = [[await listen(browser), await listen(browser)], await listen(other)]
  const { csrf = '' } = fieldsOf(await browser.page('/'), '/sign-out')
  expect((await browser.post('/sign-out', { csrf })).status).toBe(303)
  for (const stream of own) {
    await stream.next('signed-out')
    await stream.ended()
  }
  const id = await patient.hold({ name: 'after_sign_out' })
  expect((await stays.next('row')).id).toBe(id)
  await stays.close()
})

test('console - a page that nobody looks at keeps no session from ending', async () => {
  const browser = scene.browser('bob')
  const [peek, find] = [vi.spyOn(scene.sessions, 'peek'), vi.spyOn(scene.sessions, 'find')]
  try {
    // Opened, cut, and opened again by the browser itself; then there for a while.
    await (await listen(browser)).close()
    const stream = await listen(browser)
    await expect.poll(() => peek.mock.calls.length).toBeGreaterThan(4)
    await stream.close()
    expect(find).not.toHaveBeenCalled()
    await browser.page('/')
    expect(find).toHaveBeenCalledOnce()
  } finally {
    vi.restoreAllMocks()
  }
})

test('console - of one session’s streams the oldest makes room, and all of them are bounded', async () => {
  const browser = scene.browser('bob')
  const [first, second] = [await listen(browser), await listen(browser)]
  const third = await listen(browser)
  await first.next('replaced')
  await first.ended()
  const [carol, alice] = [scene.browser('carol'), scene.browser('alice')]
  const more = [await listen(carol), await listen(carol), await listen(alice)]
  expect((await alice.get('/events')).status).toBe(429)
  await Promise.all([second, third, ...more].map((stream) => stream.close()))
  // What was closed has made room.
  await (await listen(alice)).close()
})

test('console - what happens between a page and its stream is sent all the same, once for each request', async () => {
  const browser = scene.browser('bob')
  const page = await browser.page('/?text=between')
  const id = await scene.hold({ name: 'between_the_two' })
  await reviewAs(scene.house, 'carol', id, 'deny')
  // Until this process has heard of it, too.
  const stream = await listen(
    scene.browser('carol'),
    `/events?since=${/since=([\w-]+)/.exec(page)?.[1]}&text=between`,
  )
  while ((await stream.next('row')).isPending);
  await stream.close()
  const address = /data-live="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&')
  const bob = await listen(browser, address)
  expect(await bob.next('row')).toMatchObject({ id, isPending: false })
  const later = await scene.hold({ name: 'between_later' })
  expect((await bob.next('row')).id).toBe(later)
  await bob.close()
})

test.each(['000000000000-1', 'nonsense', '999'])(
  'console - a page that says it has heard %s is told that it is stale',
  async (since) => {
    const bob = await listen(scene.browser('bob'), `/events?since=${since}`)
    expect(await bob.next('stale')).toEqual({})
    await bob.close()
  },
)

test('console - an event that cannot be shown stops neither those after it nor the process', async () => {
  const { house, sessions } = scene
  const id = await scene.hold({ name: 'after_the_odd_one' })
  const { summary } = await house.desk.show(house.token('bob'), id)
  let tell: Parameters<typeof house.desk.watch>[0] = () => {}
  const watch: typeof house.desk.watch = (listener) => {
    tell = listener
    return () => {}
  }
  const app = createConsole(
    { publicUrl: () => ORIGIN, isDevelopment: true },
    {
      desk: { ...house.desk, watch },
      signIn: undefined as never,
      sessions,
      now: house.clock.now,
      log: createFakeLog(),
    },
  )
  const cookies = Object.fromEntries(scene.browser('bob').cookies)
  const browser = createBrowser(app, { cookies })
  const [card, inbox] = [await listen(browser, `/events?request=${id}`), await listen(browser)]
  tell('opened', { ...summary, state: 'levitating' as never })
  tell('reviewed', summary)
  expect((await inbox.next('row')).id).toBe(id)
  expect((await card.next('status')).isPending).toBe(true)
  await Promise.all([card.close(), inbox.close()])
})

test('console - a filter that is none is refused', async () => {
  expect((await scene.browser('bob').get('/events?risk=enormous')).status).toBe(400)
})

test('console - a browser that goes away over a real socket makes room', async () => {
  const own = await startScene({ house: scene.house, mostStreams: 1 })
  const { log } = scene.house
  let origin = ''
  const fetchOwn = (request: Request) =>
    own.app.fetch(new Request(request.url.replace(origin, ORIGIN), request))
  const server = createHttpServer({ name: 'console', host: '127.0.0.1', port: 0 }, { fetch: fetchOwn, log })
  await server.start()
  origin = server.url()
  const cookie = `holdpoint=${own.browser('bob').cookies.get('holdpoint')}`
  const open = (signal: AbortSignal | null) =>
    fetch(`${origin}/events`, { headers: { cookie, 'user-agent': CHROMIUM }, signal })
  try {
    const gone = new AbortController()
    const first = await open(gone.signal)
    expect(first.headers.get('content-type')).toContain('text/event-stream')
    const other = own.browser('carol')
    expect((await other.get('/events')).status).toBe(429)
    gone.abort()
    await expect
      .poll(async () => {
        const answer = await other.get('/events')
        await answer.body?.cancel()
        return answer.status
      })
      .toBe(200)
  } finally {
    await server.stop()
  }
})

test('console - an alarm is sent to every open page, as it would stand on the inbox', async () => {
  const own = await startScene({ house: scene.house })
  const id = await own.hold()
  const [inbox, card] = [
    await listen(own.browser('bob')),
    await listen(own.browser('carol'), `/events?request=${id}`),
  ]
  await own.house.agent('alarming-agent')
  const token = own.house.token('bob')
  await own.house.desk.freeze({ token, agentId: 'alarming-agent', frozen: true, channel: 'console' })
  const alarm = await inbox.next('alarm')
  expect(alarm).toMatchObject({
    id: 'frozen.alarming-agent.1',
    say: 'Bob Berger has frozen the agent alarming-agent.',
  })
  expect(await card.next('alarm')).toEqual(alarm)
  expect(await own.browser('bob').page('/')).toContain(String(alarm.html).trim())
  await Promise.all([inbox.close(), card.close()])
})
