import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { FILES } from '#broker'
import { webhookCommands } from '#channels'
import { runProgram } from '#runtime'
import { createDeadLetters, deadLetterId } from '../../src/channels/dead-letters.ts'
import { eventually, holdAction } from '../support/held.ts'
import { createFakeIo } from '../support/io.ts'
import { status } from './receiver.ts'
import { endpointOf, messagesOf, type Scene, SECRET, startScene } from './scene.ts'

let scene: Scene
let webhooks: object[]
beforeAll(async () => {
  scene = await startScene()
  webhooks = ['hook', 'unborn'].map((name) => ({
    name,
    url: scene.receiver.url,
    secret: SECRET,
    events: ['opened', 'decided'],
    answers: name === 'hook',
    allow: ['127.0.0.1'],
  }))
})
afterAll(() => scene?.stop())
beforeEach(() => {
  scene.receiver.received.length = 0
  scene.receiver.answer = status(204)
})

async function run(...argv: string[]) {
  const { home } = scene.house
  const commands = webhookCommands({ credentials: () => home.read(FILES.credentials('channel')) })
  const io = createFakeIo({
    env: {
      HOLDPOINT_DATA_DIR: home.dir,
      HOLDPOINT_HTTP_URL: 'https://holdpoint.example.com/',
      HOLDPOINT_CHANNELS_WEBHOOKS: JSON.stringify(webhooks),
    },
    cwd: home.dir,
    nowMs: Date.now(),
  })
  const program = { name: 'holdpoint', version: '0', summary: '', commands }
  const code = await runProgram(program, ['webhooks', ...argv], io)
  return { code, out: io.out(), err: io.err() }
}
async function json(...argv: string[]): Promise<{ code: number } & Record<string, unknown>> {
  const { code, out } = await run(...argv, '--json')
  return { code, ...JSON.parse(out.trim().split('\n').at(-1) ?? '') }
}

/** A request that the endpoint was not told of. */
async function undelivered(): Promise<string> {
  scene.receiver.answer = status(500)
  const served = await scene.serve({ endpoints: [endpointOf({ url: scene.receiver.url })] })
  const { requestId } = await holdAction(scene.agent)
  const deadLetters = createDeadLetters({ nc: scene.nc })
  await eventually(
    () => deadLetters.list('webhook:hook'),
    (letters) => letters.some((letter) => letter.requestId === requestId),
  )
  await served.stop()
  scene.receiver.answer = status(204)
  scene.receiver.received.length = 0
  return requestId
}

test('command - webhooks list tells what each endpoint has not had yet', async () => {
  await undelivered()
  expect(await json('list')).toEqual({
    code: 0,
    webhooks: [
      {
        ...{ name: 'hook', url: scene.receiver.url, events: ['opened', 'decided'], answers: true },
        ...{ pending: 0, inFlight: 0, deadLetters: 1 },
      },
      {
        ...{ name: 'unborn', url: scene.receiver.url, events: ['opened', 'decided'], answers: false },
        deadLetters: 0,
      },
    ],
  })
  const { code, out } = await run('list')
  expect(code).toBe(0)
  expect(out).toContain('0 pending, 0 in flight, 1 dead')
  expect(out).toContain('never served yet')
})

test('command - a dead letter is listed, sent again, and then no longer listed', async () => {
  const requestId = await undelivered()
  const id = `hook/opened/${requestId}`
  const { deadLetters } = await json('dead-letters')
  expect(deadLetters).toContainEqual(expect.objectContaining({ id, attempts: 1, reason: 'it answered 500' }))
  expect((await run('dead-letters')).out).toContain(`${id}\n`)

  expect(await run('replay', id)).toMatchObject({ code: 0, out: `${id}  delivered\n` })
  const [received] = scene.receiver.received
  expect(received?.headers['webhook-id']).toBe(`opened_${requestId}`)
  new Webhook(SECRET).verify(received?.body ?? '', received?.headers ?? {})
  expect(messagesOf(scene.receiver)[0]?.data).toMatchObject({
    request: { requestId },
    url: `https://holdpoint.example.com/requests/${requestId}`,
    answerUrl: 'https://holdpoint.example.com/v1/webhooks/hook/reviews',
  })
  expect((await json('dead-letters')).deadLetters).not.toContainEqual(expect.objectContaining({ id }))
  expect(await run('replay', id)).toMatchObject({ code: 1, err: expect.stringContaining('NOT_FOUND') })
})

test('command - what cannot be delivered again stays on the list', async () => {
  const id = `hook/opened/${await undelivered()}`
  scene.receiver.answer = status(500)
  const { code, replayed } = await json('replay', '--all')
  expect(code).toBe(1)
  expect(replayed).toContainEqual({ id, outcome: 'retry', reason: 'it answered 500' })
  expect((await json('dead-letters')).deadLetters).toContainEqual(
    expect.objectContaining({ id, attempts: 2 }),
  )
  scene.receiver.answer = status(204)
  expect(await json('replay', '--all')).toMatchObject({ code: 0 })
  expect(await json('dead-letters')).toEqual({ code: 0, deadLetters: [] })
})

test('command - a dead letter of a request that is not there says so when it is sent again', async () => {
  const letter = {
    ...{ channel: 'webhook:hook', event: 'opened' as const, requestId: '1-nothing' },
    ...{ reason: 'it answered 500', attempts: 8, atMs: 1 },
  }
  const deadLetters = createDeadLetters({ nc: scene.nc })
  await deadLetters.add(letter)
  const { out, code } = await run('replay', deadLetterId(letter))
  expect(code).toBe(1)
  expect(out).toContain('not delivered: UNKNOWN_REQUEST')
  await deadLetters.add({ ...letter, deliveredAtMs: 2 })
})

test('command - dead letters of an endpoint that is gone stay, and keep no other from being sent again', async () => {
  const gone = {
    ...{ channel: 'webhook:gone', event: 'opened' as const, requestId: '1-nothing' },
    ...{ reason: 'it answered 500', attempts: 8, atMs: 1 },
  }
  const deadLetters = createDeadLetters({ nc: scene.nc })
  await deadLetters.add(gone)
  const id = `hook/opened/${await undelivered()}`
  const { code, replayed } = await json('replay', '--all')
  expect(code).toBe(1)
  expect(replayed).toEqual([
    { id: 'gone/opened/1-nothing', outcome: 'refused', reason: expect.stringContaining('gone') },
    { id, outcome: 'delivered', status: 204 },
  ])
  expect((await json('dead-letters')).deadLetters).toEqual([{ id: 'gone/opened/1-nothing', ...gone }])
  await deadLetters.add({ ...gone, deliveredAtMs: 2 })
})

test.each([[[]], [['--all', 'hook/opened/1-x']]])(
  'command - webhooks replay %j is wrong usage',
  async (argv) => {
    expect(await run('replay', ...argv)).toMatchObject({ code: 2, out: '' })
  },
)

test('command - webhooks test sends a signed message of its own type', async () => {
  expect(await run('test', 'hook')).toMatchObject({ code: 0, out: 'delivered, it answered 204\n' })
  const [received] = scene.receiver.received
  new Webhook(SECRET).verify(received?.body ?? '', received?.headers ?? {})
  expect(JSON.parse(received?.body ?? '')).toEqual({
    type: 'webhook.test',
    timestamp: expect.any(String),
    data: {},
  })
})

test('command - webhooks test says what went wrong', async () => {
  scene.receiver.answer = status(404)
  expect(await run('test', 'hook')).toMatchObject({ code: 1, out: 'not delivered: it answered 404\n' })
  expect(await run('test', 'nobody')).toMatchObject({ code: 1, err: expect.stringContaining('hook, unborn') })
})

test('command - webhooks secret prints one that an endpoint takes', async () => {
  const { out } = await run('secret')
  expect(endpointOf({ secret: out.trim() }).secret).toBe(out.trim())
})
