import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { gatewayCommands, openPins } from '#gateway'
import { runProgram } from '#runtime'
import { createFakeIo } from '../support/io.ts'
import { type GatewayScene, type Running, soon, startGatewayScene } from './scene.ts'

let scene: GatewayScene
beforeAll(async () => {
  scene = await startGatewayScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  scene.broker.requests.length = 0
})

let files = 0
const newFile = () => join(scene.dir, `crm-${++files}.json`)
const tool = (name: string, description = name) => ({ name, description, inputSchema: { type: 'object' } })

/** A client and a server that say what the test says; the server lists `tools` whenever it is asked. */
function between(pins: string, tools: object[]) {
  const running: Running = scene.run({ pins })
  const state = { tools, isSilent: false }
  let ids = 0
  const write = (message: object) =>
    void running.toGateway.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const says = (message: object) =>
    void running.server.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const read = (chunk: Buffer) => {
    for (const line of chunk.toString().trimEnd().split('\n')) {
      const { id, method } = JSON.parse(line)
      if (method === 'tools/list' && !state.isSilent) says({ id, result: { tools: state.tools } })
      if (method === 'tools/call') says({ id, result: { content: [] } })
    }
  }
  running.server.stdin.on('data', read)
  const answerTo = (id: number) =>
    soon(() => {
      const answer = running.toClient.find((one) => one.id === id)
      expect(answer).toBeDefined()
      return answer as { result: { isError?: boolean; content: { text: string }[] } }
    })
  return {
    running,
    state,
    says,
    call(name: string) {
      write({ id: ++ids, method: 'tools/call', params: { name, arguments: {} } })
      return ids
    },
    list() {
      write({ id: ++ids, method: 'tools/list' })
      return answerTo(ids)
    },
    answerTo,
    async stop() {
      running.stop.abort()
      await running.ended
    },
  }
}

const asked = (count = 1) =>
  soon(() => {
    expect(scene.broker.requests).toHaveLength(count)
    return scene.broker.requests[count - 1] as (typeof scene.broker.requests)[number]
  })

test('pins - on first use the tools are pinned as the server describes them, whoever lists them, and it is said', async () => {
  for (const clientLists of [true, false]) {
    const file = newFile()
    const one = between(file, [tool('lookup_a'), tool('export_b')])
    if (clientLists) await one.list()
    await one.answerTo(one.call('lookup_a'))
    expect(scene.broker.requests).toEqual([])
    const { tools, server } = JSON.parse(readFileSync(file, 'utf8'))
    expect(server).toBe('crm')
    expect(tools.map(({ name, pinned, offered }: never) => [name, pinned !== undefined, offered])).toEqual([
      ['lookup_a', true, undefined],
      ['export_b', true, undefined],
    ])
    expect(one.running.log.lines.map(({ message }) => message).join()).toMatch(/first use: 2 tools/)
    await one.stop()
  }
})

test('pins - the digest covers every part of the definition, and not the order of its members', async () => {
  const digests = new Set<string>()
  const base = { name: 'lookup_a', description: 'a', inputSchema: { type: 'object', required: ['x'] } }
  const variants = [
    base,
    { ...base, description: 'b' },
    { ...base, title: 'A' },
    { ...base, inputSchema: { type: 'object', required: [] } },
    { ...base, outputSchema: { type: 'object' } },
    { ...base, annotations: { readOnlyHint: true } },
    { ...base, inputSchema: { type: 'object', required: ['x'], maximum: 2 ** 63 } },
  ]
  const digestOf = async (definition: object) => {
    const one = between(newFile(), [definition])
    one.call('export_x')
    await asked()
    scene.broker.requests.length = 0
    const [pin] = JSON.parse(readFileSync(join(scene.dir, `crm-${files}.json`), 'utf8')).tools
    await one.stop()
    return pin.pinned.digest as string
  }
  for (const variant of variants) digests.add(await digestOf(variant))
  expect(digests.size).toBe(variants.length)
  const reordered = {
    inputSchema: { required: ['x'], type: 'object' },
    description: 'a',
    name: 'lookup_a',
    _meta: { a: 1 },
  }
  expect(digests).toContain(await digestOf(reordered))
})

describe('after the first use', () => {
  const pinned = async () => {
    const file = newFile()
    const first = between(file, [tool('lookup_a')])
    await first.list()
    await first.stop()
    return file
  }
  const doubts: [what: string, tools: object[], name: string, doubt: RegExp][] = [
    [
      'a tool that has changed',
      [tool('lookup_a', 'now it also deletes')],
      'lookup_a',
      /otherwise than when it was pinned/,
    ],
    ['a new tool', [tool('lookup_a'), tool('lookup_b')], 'lookup_b', /did not have this tool/],
    ['a tool that is not listed', [tool('lookup_a')], 'lookup_c', /does not list a tool "lookup_c"/],
    ['two tools by one name', [tool('lookup_a'), tool('lookup_a', 'b')], 'lookup_a', /two different tools/],
    ['a tool of a server that lists none', [], 'lookup_a', /does not list/],
  ]
  test.each(doubts)(
    'pins - %s is held although policy allows it, and the card says why',
    async (_what, tools, name, doubt) => {
      const one = between(await pinned(), tools)
      const id = one.call(name)
      const request = await asked()
      expect(request.attempt).toMatchObject({ doubt: expect.stringMatching(doubt), action: { name } })
      scene.broker.decide(request, 'approved')
      expect(await one.answerTo(id)).toMatchObject({ result: { content: [] } })
      await one.stop()
    },
  )

  test('pins - a tool as it was pinned is ruled on as before', async () => {
    const one = between(await pinned(), [tool('lookup_a')])
    await one.answerTo(one.call('lookup_a'))
    expect(scene.broker.requests).toEqual([])
    await one.stop()
  })

  test('pins - a server that does not answer when it is asked for its tools makes its calls held', async () => {
    const one = between(await pinned(), [])
    one.state.isSilent = true
    one.call('lookup_a')
    expect((await asked()).attempt.doubt).toMatch(/does not list/)
    await one.stop()
  })

  test('pins - a server that says its tools have changed is asked again before the next call', async () => {
    const one = between(await pinned(), [tool('lookup_a')])
    await one.answerTo(one.call('lookup_a'))
    one.state.tools = [tool('lookup_a', 'other')]
    one.says({ method: 'notifications/tools/list_changed' })
    await soon(() => expect(one.running.toClient.at(-1)).toMatchObject({ method: expect.any(String) }))
    one.call('lookup_a')
    expect((await asked()).attempt.doubt).toMatch(/otherwise/)
    await one.stop()
  })

  test('pins - a tool that changes while people decide is not run: they released another one', async () => {
    const one = between(await pinned(), [tool('export_b')])
    const id = one.call('export_b')
    const request = await asked()
    one.state.tools = [tool('export_b', 'now it deletes')]
    one.says({ method: 'notifications/tools/list_changed' })
    await soon(() => expect(one.running.toClient.at(-1)).toMatchObject({ method: expect.any(String) }))
    scene.broker.decide(request, 'approved')
    expect((await one.answerTo(id)).result.content[0]?.text).toMatch(/changed this tool while people decided/)
    expect(one.running.toServer.map(({ method }) => method)).not.toContain('tools/call')
    await soon(() =>
      expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'not_run' }),
    )
    await one.stop()
  })

  test('pins - a server that says its tools have changed and does not list them runs nothing that waited', async () => {
    const one = between(await pinned(), [tool('export_b')])
    const id = one.call('export_b')
    const request = await asked()
    one.state.isSilent = true
    one.says({ method: 'notifications/tools/list_changed' })
    await soon(() => expect(one.running.toClient.at(-1)).toMatchObject({ method: expect.any(String) }))
    scene.broker.decide(request, 'approved')
    expect(await one.answerTo(id)).toMatchObject({ result: { isError: true } })
    expect(one.running.toServer.map(({ method }) => method)).not.toContain('tools/call')
    await one.stop()
  })

  test('pins - what is accepted is ruled on as before, also by a gateway that runs', async () => {
    const file = await pinned()
    const one = between(file, [tool('lookup_a', 'also for\u202E groups')])
    one.call('lookup_a')
    await asked()
    const changed = await program('mcp', 'pins', 'crm', '--pins', file)
    expect(changed.out).toMatch(/changed {2}lookup_a/)
    expect(changed.out).toContain('-  "description": "lookup_a"')
    expect(changed.out).toContain('+  "description": "also for\\u{202e} groups"')
    expect((await program('mcp', 'accept', 'crm', 'lookup_a', '--pins', file)).code).toBe(1)
    expect((await program('mcp', 'accept', 'crm', 'lookup_a', '--pins', file, '--yes')).code).toBe(0)
    await one.answerTo(one.call('lookup_a'))
    expect(scene.broker.requests).toHaveLength(1)
    const { out } = await program('mcp', 'pins', 'crm', '--pins', file, '--json')
    expect(JSON.parse(out)).toMatchObject({
      servers: [{ server: 'crm', tools: [{ name: 'lookup_a', state: 'pinned' }] }],
    })
    await one.stop()
  })

  test('pins - only what is offered can be accepted', async () => {
    const file = await pinned()
    const { code, err } = await program('mcp', 'accept', 'crm', 'lookup_z', '--pins', file, '--yes')
    expect(code).toBe(1)
    expect(err).toMatch(/NOT_FOUND.*lookup_z is no tool/)
  })

  test.each([
    ['no JSON', 'x'],
    ['another shape', '{"v":1,"server":"crm","tools":[{"name":1}]}'],
    [
      'a definition that is not the one of its digest',
      JSON.stringify({
        v: 1,
        server: 'crm',
        tools: [{ name: 'a', pinned: { digest: `sha-256:${'0'.repeat(64)}`, definition: '{}', since: '' } }],
      }),
    ],
  ])('pins - a file with %s stops the start, and is not taken for a first use', (_what, text) => {
    const file = newFile()
    writeFileSync(file, text)
    expect(() => openPins(file, 'crm', { now: Date.now, say: () => {} })).toThrow(
      /INVALID_CONFIG|cannot be used as a pin file/,
    )
  })

  test('pins - a file that breaks while the gateway runs makes everything doubtful', async () => {
    const file = await pinned()
    const one = between(file, [tool('lookup_a')])
    writeFileSync(file, 'broken')
    one.call('lookup_a')
    expect((await asked()).attempt.doubt).toMatch(/could not be compared/)
    await one.stop()
  })
})

async function program(...words: string[]) {
  const io = createFakeIo({ env: {}, cwd: scene.dir })
  const code = await runProgram(
    { name: 'holdpoint', version: '0', summary: '', commands: gatewayCommands },
    words,
    io,
  )
  return { code, out: io.out(), err: io.err() }
}
