import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, eventually, holdAction } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { endpointOf, type Scene, SECRET, startScene } from './scene.ts'

const root = join(import.meta.dirname, '..', '..')
const document = readFileSync(join(root, 'docs', 'webhooks.md'), 'utf8')
const example = (title: string): string => {
  const [, json] = new RegExp(`${title}[\\s\\S]*?\`\`\`json\\n([\\s\\S]*?)\`\`\``).exec(document) ?? []
  if (json === undefined) throw new Error(`the document has no example of ${title}`)
  return json
}

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())

const restart = () =>
  attemptOf(
    { name: 'restart_worker', target: 'worker-3', arguments: { graceful: true } },
    { statement: 'The worker has not answered for ten minutes.' },
  )

/** What differs from one run to the next, made the same. */
const steady = (json: string): unknown =>
  JSON.parse(json, (key, value: unknown) => {
    if (key.endsWith('Ms') && typeof value === 'number') return 1
    if (key === 'leaf') return 'leaf'
    if (typeof value !== 'string') return value
    return value
      .replace(/\d-[a-z2-7]{26}/g, 'ID')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/sha-256:[0-9a-f]{64}/g, 'DIGEST')
      .replace(/^[0-9a-f]{32}$|^[0-9a-f]{16}$/, 'TRACE')
  })

test('document - the message that it shows is the one that is sent', async () => {
  const endpoint = endpointOf({
    url: scene.receiver.url,
    name: 'chat-bridge',
    answers: true,
    events: ['opened'],
  })
  const served = await scene.serve({
    endpoints: [endpoint],
    publicUrl: () => 'https://holdpoint.example.com',
  })
  await holdAction(scene.agent, restart())
  const [received] = await eventually(
    async () => scene.receiver.received,
    (all) => all.length > 0,
  )
  await served.stop()
  expect(steady(example('### The message'))).toEqual(steady(received?.body ?? ''))
  for (const header of ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'user-agent', 'content-type'])
    expect(document).toContain(`${header}: ${header === 'webhook-id' ? 'opened_' : ''}`)
  expect(document).toContain(`content-type: ${received?.headers['content-type']}`)
  expect(document).toContain(`user-agent: ${received?.headers['user-agent']}`)
})

test('document - the receiver that it shows is the file beside it, and short', () => {
  const source = readFileSync(join(root, 'docs', 'webhook-receiver.mjs'), 'utf8')
  expect(document).toContain('](webhook-receiver.mjs)')
  expect(source.split('\n').filter((line) => /^\s*[^\s/]/.test(line)).length).toBeLessThan(45)
})

interface Running {
  child: ChildProcess
  port: number
  says(words: string): Promise<string>
  type(line: string): void
}

/** The very file, as somebody would run it. */
async function runReceiver(): Promise<Running> {
  const child = spawn(process.execPath, [join(root, 'docs', 'webhook-receiver.mjs')], {
    env: {
      WEBHOOK_SECRET: SECRET,
      PORT: '0',
      REVIEWER: JSON.stringify({ iss: 'https://chat.example.com', sub: 'U7', name: 'Uma' }),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  const says = (words: string) =>
    eventually(
      async () => out,
      (all) => all.includes(words) && all.endsWith('\n'),
    )
  const [, port] = /port (\d+)/.exec(await says('port')) ?? []
  return { child, port: Number(port), says, type: (line) => void child.stdin?.write(`${line}\n`) }
}

test('document - its receiver shows what waits, and what somebody types there releases or refuses it', async () => {
  const receiver = await runReceiver()
  const url = `http://127.0.0.1:${receiver.port}/`
  const served = await scene.serve({ endpoints: [endpointOf({ url, name: 'terminal', answers: true })] })

  const released = await holdAction(scene.agent, restart())
  await receiver.says(`${released.requestId} is pending: restart_worker on worker-3`)
  // Its lines come one after the other.
  await receiver.says('"graceful": true')
  receiver.type(`approve ${released.requestId}`)
  await receiver.says(`${released.requestId} 201 {"missing":0,"state":"approved"}`)
  await receiver.says(`${released.requestId} is approved`)
  expect(await claimOf(scene.agent, released.requestId)).toMatchObject({ status: 'approved' })
  const { timeline } = await scene.channelDesk.show(released.requestId)
  expect(timeline.find(({ type }) => type === 'review')?.people).toEqual([
    {
      iss: 'https://chat.example.com',
      sub: 'U7',
      name: 'Uma',
      assurance: 'chat',
      channel: 'webhook:terminal',
    },
  ])

  const refused = await holdAction(scene.agent, restart())
  await receiver.says(`${refused.requestId} is pending`)
  receiver.type(`deny ${refused.requestId} wait for the batch`)
  await receiver.says(`${refused.requestId} is denied`)
  expect(await claimOf(scene.agent, refused.requestId)).toMatchObject({
    status: 'denied',
    reason: 'wait for the batch',
  })

  const heavy = await holdAction(scene.agent)
  await receiver.says(`${heavy.requestId} is pending: export_customers  http`)
  receiver.type(`approve ${heavy.requestId}`)
  await receiver.says(`${heavy.requestId} does not wait here`)
  expect(await claimOf(scene.agent, heavy.requestId)).toEqual({ status: 'pending' })

  expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401)
  const ended = once(receiver.child, 'exit')
  receiver.child.stdin?.end()
  await served.stop()
  expect((await ended)[0]).toBe(0)
})
