import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AgentEnvironment, agentEnvironment } from '../support/agent-process.ts'
import { compileCache } from '../support/compile-cache.ts'
import { startNats, type TestNats } from '../support/nats.ts'
import { createScriptedBroker, type ScriptedBroker } from '../support/scripted-broker.ts'
import { type AnyClient, clientOf, POLICY, type Sdk, soon } from './scene.ts'

const root = join(import.meta.dirname, '../..')
const program = join(root, 'src/main/holdpoint.ts')
const examples = join(root, 'node_modules/@modelcontextprotocol/sdk/dist/esm/examples/server')
const ours = join(import.meta.dirname, 'apps/server.ts')

let nats: TestNats
let broker: ScriptedBroker
let agent: AgentEnvironment
let dir: string

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-gateway-'))
  // Whoever starts the gateway in this folder is not its operator: nothing of this is read.
  writeFileSync(join(dir, 'holdpoint.yaml'), 'nats: { url: nats://evil.example:4222 }\nnonsense: true\n')
  nats = await startNats()
  broker = createScriptedBroker({ policy: POLICY })
  await broker.start(nats.url)
  agent = agentEnvironment(broker, nats.url)
})
afterAll(async () => {
  await broker.stop()
  await nats.stop()
  agent.remove()
  rmSync(dir, { recursive: true, force: true })
})

const envOf = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  ...compileCache(),
  ...agent.env,
  HOLDPOINT_DATA_DIR: dir,
  ...more,
})
/** Several programs start at once, perhaps beside others. */
const START_MS = 25_000

const gatewayArgs = (name: string, ...server: string[]) => [program, 'mcp', '--name', name, '--', ...server]

/** As an MCP client's configuration has it: a command, its arguments, its environment. */
async function connect(sdk: Sdk, name: string, server: string[], env = envOf()): Promise<AnyClient> {
  const Stdio = sdk === 'v1' ? StdioV1 : StdioV2
  const args = gatewayArgs(name, process.execPath, ...server)
  const client = clientOf(sdk)
  await client.connect(new Stdio({ command: process.execPath, args, env, cwd: dir, stderr: 'ignore' }))
  return client
}

const opened = (target: string, name: string) =>
  soon(() => {
    const request = broker.requests.findLast(
      ({ attempt: { action }, state }) =>
        action.target === target && action.name === name && state === 'pending',
    )
    expect(request).toBeDefined()
    return request as (typeof broker.requests)[number]
  }, START_MS)
const weather = { name: 'get_weather', arguments: { city: 'Ulm', country: 'DE' } }

// The SDK ships no client that speaks stdio as a program of its own: these are its clients, as its documentation uses them.
describe.concurrent('the SDK’s own example servers', () => {
  test.for(['v1', 'v2'] as const)(
    'mcp gateway - mcpServerOutputSchema, client %s: held, released, refused, expired',
    async (sdk, { expect }) => {
      const name = `weather-${sdk}`
      const client = await connect(sdk, name, [join(examples, 'mcpServerOutputSchema.js')])
      expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(['get_weather'])
      const target = `${name}/1.0.0`
      for (const decision of ['approved', 'denied', 'expired'] as const) {
        const result = client.callTool(weather)
        broker.decide(
          await opened(target, 'get_weather'),
          decision,
          decision === 'denied' ? 'Look outside' : undefined,
        )
        const { isError, content, structuredContent } = await result
        const text = content?.[0]?.text ?? ''
        if (decision === 'approved') expect(structuredContent).toMatchObject({ humidity: expect.any(Number) })
        else expect(isError).toBe(true)
        if (decision === 'denied') expect(text).toMatch(/APPROVAL_DENIED.*Look outside/)
        if (decision === 'expired') expect(text).toMatch(/APPROVAL_EXPIRED/)
      }
      await client.close()
    },
  )

  test('mcp gateway - progressExample: what it tells after the release goes on from what the gateway told', async ({
    expect,
  }) => {
    const client = await connect('v2', 'count', [join(examples, 'progressExample.js')])
    const told: number[] = []
    const options = { onprogress: ({ progress }: { progress: number }) => told.push(progress) }
    const result = client.callTool({ name: 'count', arguments: { n: 2 } }, options)
    broker.decide(await opened('count/1.0.0', 'count'), 'approved')
    expect(await result).toMatchObject({ content: [{ text: 'Counted to 2' }] })
    expect(told.slice(-2)).toEqual([1, 2])
    expect(told.length).toBeGreaterThan(2)
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    await client.close()
  })
})

describe.concurrent('as a process', () => {
  test('mcp gateway - the server gets none of its variables; a crash is an error, and the exit code its own; spans are exported', async ({
    expect,
  }) => {
    const collector = await startCollector()
    const env = envOf({ CRM_TOKEN: 'x', ...collector.env })
    const gateway = start(gatewayArgs('crm', process.execPath, ours, 'v1'), env)
    gateway.write({ id: 1, method: 'initialize', params: INITIALIZE })
    expect(await gateway.answer(1)).toMatchObject({ result: { serverInfo: { name: 'crm' } } })
    gateway.write({ method: 'notifications/initialized' })
    gateway.write({ id: 2, method: 'tools/call', params: { name: 'lookup_environment' } })
    const { result } = (await gateway.answer(2)) as { result: { content: { text: string }[] } }
    const names = result.content[0]?.text.split(' ') ?? []
    expect(names).toContain('CRM_TOKEN')
    expect(names.filter((name) => name.startsWith('HOLDPOINT_'))).toEqual([])
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const _meta = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
    gateway.write({ id: 3, method: 'tools/call', params: { name: 'lookup_crash', _meta } })
    expect(await gateway.answer(3)).toMatchObject({
      error: { message: expect.stringContaining('exit code 7') },
    })
    expect(await gateway.ended).toEqual([7, null])
    collector.stop()
    expect(collector.spans().map(({ name }) => name)).toEqual([
      'execute_tool lookup_environment',
      'execute_tool lookup_crash',
    ])
    expect(collector.spans()[1]).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' })
  })

  test('mcp gateway - a signal ends it in order: what is held is taken back, the server is ended', async ({
    expect,
  }) => {
    const gateway = start(gatewayArgs('crm-stopped', process.execPath, ours, 'v2'), envOf())
    gateway.write({ id: 1, method: 'initialize', params: INITIALIZE })
    await gateway.answer(1)
    gateway.write({ method: 'notifications/initialized' })
    gateway.write({
      id: 2,
      method: 'tools/call',
      params: { name: 'export_customers', arguments: { limit: 1 } },
    })
    const request = await opened('crm-stopped/2.0.1', 'export_customers')
    gateway.child.kill('SIGTERM')
    await gateway.ended
    expect(request.state).toBe('cancelled')
  })
})

interface ExportedSpan {
  name: string
  traceId: string
  parentSpanId?: string
}

/** Takes OTLP as JSON, and answers that it has. */
async function startCollector() {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    bodies.push(Buffer.concat(await request.toArray()).toString())
    response.end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
    },
    spans: (): ExportedSpan[] =>
      bodies.flatMap((body) =>
        (JSON.parse(body).resourceSpans as { scopeSpans: { spans: ExportedSpan[] }[] }[]).flatMap(
          ({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans),
        ),
      ),
    stop: () => server.close(),
  }
}

const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'raw', version: '1' },
}

interface Raw {
  child: ChildProcess
  write(message: object): void
  answer(id: number): Promise<object>
  stdout(): string
  stderr(): string
  ended: Promise<unknown[]>
}

function start(args: string[], env: Record<string, string>): Raw {
  const child = spawn(process.execPath, args, { cwd: dir, env, stdio: 'pipe' })
  const seen = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      seen[name] += chunk
    })
  child.stdin.on('error', () => {})
  return {
    child,
    write: (message) => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    answer: (id) =>
      soon(() => {
        const lines = seen.stdout.split('\n').slice(0, -1)
        const found = lines.map((line) => JSON.parse(line)).find((message) => message.id === id)
        if (found === undefined) throw new Error(`no answer to ${id}: ${seen.stdout}${seen.stderr}`)
        return found
      }, START_MS),
    stdout: () => seen.stdout,
    stderr: () => seen.stderr,
    ended: once(child, 'close'),
  }
}
