import { expect, test } from 'vitest'
import {
  type DeskEventName,
  HoldpointError,
  type ListCall,
  type RequestSummary,
  type ShowReply,
} from '#contract'
import type { Desk } from '#desk'
import { everyRequest, find } from '../../src/desk/find.ts'
import { follow } from '../../src/desk/watch/follow.ts'
import { codeOf, eventually } from '../support/held.ts'

const summaryOf = (requestId: string, given: Partial<RequestSummary> = {}): RequestSummary => ({
  requestId,
  state: 'pending',
  agent: 'Support',
  agentId: 'support-agent',
  environment: 'prod',
  kind: 'tool',
  name: 'export',
  rule: 'r',
  requestedAtMs: 0,
  expiresAtMs: 60_000,
  threshold: 1,
  from: ['sre'],
  assurance: 'login',
  reviews: [],
  ...given,
})

/** A broker's answers, two requests to a page, and events that a test sends or loses. */
function scripted(requests: RequestSummary[]) {
  let listener: (event: DeskEventName, request: RequestSummary) => void = () => {}
  const world = {
    requests,
    isDown: false,
    lists: [] as ListCall[],
    shown: [] as string[],
    send: (event: DeskEventName, request: RequestSummary) => listener(event, request),
  }
  const desk = {
    async list(token: string, query: Omit<ListCall, 'token'> = {}) {
      if (world.isDown) throw new HoldpointError('BROKER_UNAVAILABLE', 'down', { retryable: true })
      world.lists.push({ token, ...query })
      const matching = world.requests.filter(
        (one) =>
          (query.state === 'all' || one.state === 'pending') &&
          (query.text === undefined || `${one.requestId} ${one.name}`.includes(query.text)),
      )
      const from = Number(query.cursor ?? 0)
      const next = from + 2 < matching.length ? { next: String(from + 2) } : {}
      return { requests: matching.slice(from, from + 2), total: matching.length, ...next }
    },
    async show(_token: string, requestId: string) {
      world.shown.push(requestId)
      const summary = world.requests.find((one) => one.requestId === requestId)
      if (!summary) throw new HoldpointError('UNKNOWN_REQUEST')
      return { summary } as ShowReply
    },
    watch(onEvent: typeof listener) {
      listener = onEvent
      return () => {
        listener = () => {}
      }
    },
  } as unknown as Desk
  return { world, desk }
}

test('find - an id on a later page is found, behind any number that are named like it', async () => {
  const decoys = Array.from({ length: 9 }, (_, at) => summaryOf(`1-zzz${at}`, { name: '1-abcd' }))
  const { desk, world } = scripted([...decoys, summaryOf('1-abcdef')])
  expect((await find(desk, 't', '1-abcd')).summary.requestId).toBe('1-abcdef')
  expect(world.lists).toHaveLength(5)
})

test('find - two that begin alike are refused, on whichever page the second one is', async () => {
  const decoys = Array.from({ length: 5 }, (_, at) => summaryOf(`1-zzz${at}`, { name: '1-abcd' }))
  const { desk, world } = scripted([summaryOf('1-abcdef'), ...decoys, summaryOf('1-abcdxx')])
  expect(await codeOf(find(desk, 't', '1-abcd'))).toBe('UNKNOWN_REQUEST')
  expect(world.shown).toEqual([])
})

test('find - a whole id is that request, although another begins so', async () => {
  const { desk } = scripted([summaryOf('1-abcdef'), summaryOf('1-abcd')])
  expect((await find(desk, 't', '1-abcd')).summary.requestId).toBe('1-abcd')
})

test.each(['', '1', '1-a'])('find - %j is too short to be meant', async (id) => {
  const { desk, world } = scripted([summaryOf('1-abcdef')])
  expect(await codeOf(find(desk, 't', id))).toBe('INVALID_INPUT')
  expect(world.lists).toEqual([])
})

test('find - what is nowhere listed is asked for by its whole id', async () => {
  const { desk, world } = scripted([])
  expect(await codeOf(find(desk, 't', '1-abcdef'))).toBe('UNKNOWN_REQUEST')
  expect(world.shown).toEqual(['1-abcdef'])
})

test('list - every page is read, with the same question', async () => {
  const { desk, world } = scripted(['1-a', '1-b', '1-c', '1-d', '1-e'].map((id) => summaryOf(id)))
  const ids = []
  for await (const { requestId } of everyRequest(desk, 't', { state: 'pending', rule: 'r' }))
    ids.push(requestId)
  expect(ids).toEqual(['1-a', '1-b', '1-c', '1-d', '1-e'])
  expect(world.lists.map(({ rule, cursor }) => [rule, cursor])).toEqual([
    ['r', undefined],
    ['r', '2'],
    ['r', '4'],
  ])
})

function following(world: ReturnType<typeof scripted>, relistMs: number) {
  const seen: string[] = []
  const stop = new AbortController()
  const ended = follow(
    { desk: world.desk, token: async () => 't' },
    {},
    { signal: stop.signal, relistMs },
    {
      changed: (event, { requestId, state }) => void seen.push(`${event} ${requestId} ${state}`),
      problem: ({ code }) => void seen.push(code),
    },
  )
  const sees = (line: string) =>
    eventually(
      async () => seen,
      (lines) => lines.includes(line),
    )
  return { seen, sees, ended, stop: () => stop.abort() }
}

test('follow - events that were lost are found by looking again', async () => {
  const scene = scripted([summaryOf('1-a')])
  const { seen, sees, ended, stop } = following(scene, 5)
  await sees('waiting 1-a pending')
  scene.world.requests.push(summaryOf('1-b'))
  await sees('opened 1-b pending')
  scene.world.requests[0] = summaryOf('1-a', { state: 'expired' })
  await sees('decided 1-a expired')
  stop()
  await ended
  expect(seen).toEqual(['waiting 1-a pending', 'opened 1-b pending', 'decided 1-a expired'])
})

test('follow - an event is a hint to look at once, and nothing in it is believed', async () => {
  const scene = scripted([summaryOf('1-a')])
  const { seen, sees, ended, stop } = following(scene, 60_000)
  await sees('waiting 1-a pending')
  scene.world.send('decided', summaryOf('1-a', { state: 'approved' }))
  scene.world.send('opened', summaryOf('1-invented'))
  scene.world.requests.push(summaryOf('1-b'))
  scene.world.send('opened', summaryOf('1-b'))
  await sees('opened 1-b pending')
  stop()
  await ended
  expect(seen).toEqual(['waiting 1-a pending', 'opened 1-b pending'])
})

test('follow - what becomes of a decided request is told once, after its decision', async () => {
  const scene = scripted([summaryOf('1-a')])
  const { seen, sees, ended, stop } = following(scene, 60_000)
  await sees('waiting 1-a pending')
  const executed = summaryOf('1-a', { state: 'executed' })
  scene.world.requests[0] = executed
  scene.world.send('decided', executed)
  scene.world.send('ended', executed)
  await sees('ended 1-a executed')
  scene.world.send('ended', executed)
  scene.world.requests.push(summaryOf('1-b'))
  scene.world.send('opened', summaryOf('1-b'))
  await sees('opened 1-b pending')
  stop()
  await ended
  expect(seen).toEqual([
    'waiting 1-a pending',
    'decided 1-a executed',
    'ended 1-a executed',
    'opened 1-b pending',
  ])
})

test.each(['NOT_FOUND', 'UNKNOWN_REQUEST', 'ERASED', 'PAYLOAD_TOO_LARGE', 'CARD_MISMATCH'] as const)(
  'follow - a request that cannot be shown any more (%s) ends nothing but itself',
  async (code) => {
    const scene = scripted([summaryOf('1-a'), summaryOf('1-b')])
    scene.desk.show = () => Promise.reject(new HoldpointError(code))
    const { seen, sees, ended, stop } = following(scene, 5)
    await sees('waiting 1-b pending')
    scene.world.requests.splice(0, 1)
    scene.world.requests.push(summaryOf('1-c'))
    await sees('opened 1-c pending')
    stop()
    await ended
    expect(seen.filter((line) => line.includes('1-a'))).toEqual(['waiting 1-a pending'])
  },
)

test('follow - that others may answer, too, is told once, and only of what is on the list', async () => {
  const scene = scripted([summaryOf('1-a')])
  const { seen, sees, ended, stop } = following(scene, 60_000)
  await sees('waiting 1-a pending')
  scene.world.send('escalated', summaryOf('1-elsewhere'))
  scene.world.send('escalated', summaryOf('1-a'))
  await sees('escalated 1-a pending')
  scene.world.requests.push(summaryOf('1-b'))
  // For whoever could not answer before, it opens only now.
  scene.world.send('escalated', summaryOf('1-b'))
  await sees('opened 1-b pending')
  stop()
  await ended
  expect(seen).toEqual(['waiting 1-a pending', 'escalated 1-a pending', 'opened 1-b pending'])
})

test('follow - a broker that is down is tried again, without asking faster', async () => {
  const scene = scripted([])
  scene.world.isDown = true
  const { sees, ended, stop } = following(scene, 5)
  await sees('BROKER_UNAVAILABLE')
  scene.world.isDown = false
  scene.world.requests.push(summaryOf('1-a'))
  await sees('waiting 1-a pending')
  stop()
  await ended
})

test('follow - a refusal that trying again will not change ends it', async () => {
  const { desk } = scripted([])
  const refused: Desk = { ...desk, list: () => Promise.reject(new HoldpointError('UNAUTHENTICATED')) }
  const ended = follow(
    { desk: refused, token: async () => 't' },
    {},
    { signal: new AbortController().signal, relistMs: 60_000 },
    { changed: () => {}, problem: () => {} },
  )
  expect(await codeOf(ended)).toBe('UNAUTHENTICATED')
})
