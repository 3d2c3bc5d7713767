import { join } from 'node:path'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolmentCommands } from '#broker'
import { decodeEntry, ledgerStream, ledgerSubject } from '#contract'
import { runProgram } from '#runtime'
import { compileCache } from '../support/compile-cache.ts'
import { reviewAs } from '../support/held.ts'
import { EPOCH, type House, POLICY, startHouse } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'
import { clientOf, soon } from './scene.ts'

const root = join(import.meta.dirname, '../..')
let house: House
beforeAll(async () => {
  house = await startHouse({
    policy: POLICY.replace(
      'rules:',
      'rules:\n  - { id: mcp-lookup, match: { kind: mcp, name: "lookup_*" }, effect: allow }',
    ),
  })
})
afterAll(() => house.stop())

/** What its operator types, and what stands in the client's configuration afterwards. */
async function registered(): Promise<Record<string, string>> {
  const io = createFakeIo({ env: { HOLDPOINT_DATA_DIR: house.home.dir }, nowMs: house.clock.now() })
  const words = [
    'agent',
    'add',
    'crm-gateway',
    '--owner',
    'alice',
    '--environment',
    'prod',
    '--enforcement',
    'gateway',
  ]
  const code = await runProgram(
    { name: 'holdpoint', version: '0', summary: '', commands: enrolmentCommands },
    [...words, '--json'],
    io,
  )
  expect([code, io.err()]).toEqual([0, ''])
  return JSON.parse(io.out())
}

test('mcp gateway and broker - card, ledger and warrant say gateway:NAME, the call is recorded to its end, and a tool that nobody knows is held', async () => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: _none, ...variables } = await registered()
  const server = [
    'mcp',
    '--name',
    'crm',
    '--',
    process.execPath,
    join(root, 'test/gateway/apps/server.ts'),
    'v2',
  ]
  const client = clientOf('v2')
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [join(root, 'src/main/holdpoint.ts'), ...server],
      env: { ...compileCache(), ...variables, HOLDPOINT_DATA_DIR: house.home.path('gateway') },
      stderr: 'ignore',
    }) as never,
  )
  expect(await client.callTool({ name: 'lookup_customer', arguments: { id: 4 } })).toMatchObject({
    content: [{ text: 'customer 4' }],
  })

  const result = client.callTool({ name: 'export_customers', arguments: { limit: 4 } })
  const token = house.token('bob')
  const [request] = await soon(async () => {
    const { requests } = await house.desk.list(token)
    expect(requests).toHaveLength(1)
    return requests
  })
  const requestId = request?.requestId ?? ''
  const { card } = await house.desk.show(token, requestId)
  expect(card).toMatchObject({
    enforcement: 'gateway:crm-gateway',
    action: { kind: 'mcp', name: 'export_customers', target: 'crm/2.0.1', arguments: { limit: 4 } },
  })
  await reviewAs(house, 'bob', requestId)
  expect(await result).toMatchObject({ content: [{ text: 'exported 4' }] })

  await soon(async () => {
    const { timeline } = await house.desk.show(token, requestId)
    expect(timeline.map(({ what }) => what)).toEqual([
      'pending',
      'approve',
      'approved',
      'consumed',
      'executed',
    ])
  })
  const jsm = await jetstreamManager(await house.connect('broker'))
  const message = await jsm.streams.getMessage(ledgerStream(EPOCH), {
    last_by_subj: ledgerSubject.requested(EPOCH, requestId),
  })
  expect(decodeEntry(message?.string() ?? '')).toMatchObject({
    enforcement: 'gateway:crm-gateway',
    agent: { sub: 'crm-gateway' },
    kind: 'mcp',
    target: 'crm/2.0.1',
  })

  // Policy allows what is called lookup_*; nobody knows what this one does.
  const unlisted = client.callTool({ name: 'lookup_anything', arguments: {} })
  const [doubted] = await soon(async () => {
    const { requests } = await house.desk.list(token)
    expect(requests).toHaveLength(1)
    return requests
  })
  const { card: ofDoubted } = await house.desk.show(token, doubted?.requestId ?? '')
  expect(ofDoubted.facts).toContainEqual(
    expect.objectContaining({ name: 'doubt', value: expect.stringContaining('does not list a tool') }),
  )
  await reviewAs(house, 'bob', doubted?.requestId ?? '', 'deny', 'What is that?')
  expect(await unlisted).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/APPROVAL_DENIED.*What is that/) }],
  })
  await client.close()
})

test('agent add - an enforcement point that is none is refused', async () => {
  const io = createFakeIo({ env: { HOLDPOINT_DATA_DIR: house.home.dir } })
  const words = [
    'agent',
    'add',
    'x',
    '--owner',
    'alice',
    '--environment',
    'prod',
    '--enforcement',
    'trust-me',
  ]
  const program = { name: 'holdpoint', version: '0', summary: '', commands: enrolmentCommands }
  expect(await runProgram(program, words, io)).toBe(1)
  expect(io.err()).toMatch(/--enforcement "trust-me", expected in-process, gateway, resource/)
})
