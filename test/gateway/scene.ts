import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioServerTransport as LinesV1 } from '@modelcontextprotocol/sdk/server/stdio.js'
import { StdioServerTransport as LinesV2, serveStdio } from '@modelcontextprotocol/server/stdio'
import { vi } from 'vitest'
import { createGate, type Gate } from '#gate'
import { openPins, runMcpGateway, type ServerEnd, type ServerProcess } from '#gateway'
import { configFor } from '../support/gate-scene.ts'
import { createFakeLog, type FakeLog } from '../support/log.ts'
import { startNats } from '../support/nats.ts'
import { createScriptedBroker, type ScriptedBroker } from '../support/scripted-broker.ts'
import { type Entered, v1Server, v2Server } from './servers.ts'

export const POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules:
  - { id: lookup, match: { kind: mcp, name: "lookup_*", target: "crm*" }, effect: allow }
  - { id: drop, match: { kind: mcp, name: "drop_*" }, effect: deny, reason: Dropping is a change request. }
`

/** Both ends of what a server has for its standard input and output, and its end when a test says so. */
export interface FakeProcess extends ServerProcess {
  stdin: PassThrough
  stdout: PassThrough
  end(exitCode: number): void
  stops: string[]
}

export function fakeProcess(): FakeProcess {
  const ended = Promise.withResolvers<ServerEnd>()
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const stops: string[] = []
  const end = (exitCode: number) => {
    stdout.end()
    ended.resolve({ exitCode, how: `exit code ${exitCode}` })
  }
  stdin.on('finish', () => setImmediate(() => end(0)))
  const stop = (urgency: string) => {
    stops.push(urgency)
    stdin.end()
  }
  return { stdin, stdout, ended: ended.promise, stop, end, stops }
}

export interface Running {
  server: FakeProcess
  /** The client's end. */
  toGateway: PassThrough
  fromGateway: PassThrough
  log: FakeLog
  ended: Promise<ServerEnd>
  stop: AbortController
  /** Lines as they arrive. */
  toClient: Record<string, unknown>[]
  toServer: Record<string, unknown>[]
}

export interface GatewayScene {
  broker: ScriptedBroker
  gate: Gate
  dir: string
  /** Starts a gateway in this process, between streams. */
  run(options?: {
    pins?: string
    maxMessageBytes?: number
    gate?: Pick<Gate, 'ask'>
    listTimeoutMs?: number
  }): Running
  stop(): Promise<void>
}

/** `vi.waitFor` looks every 50 ms, and these tests wait often. */
export const soon = <T>(look: () => T | Promise<T>, timeout = 10_000): Promise<T> =>
  vi.waitFor(look, { interval: 5, timeout })

let pinFiles = 0

/** A real nats-server, a scripted broker, a started gate. */
export async function startGatewayScene(): Promise<GatewayScene> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-gateway-'))
  const nats = await startNats()
  const broker = createScriptedBroker({ policy: POLICY })
  await broker.start(nats.url)
  const gate = createGate({ ...configFor(broker, nats.url), requestTimeoutMs: 3_000 }, { now: Date.now })
  await gate.start()
  const runs: Running[] = []
  return {
    broker,
    gate,
    dir,
    run(options = {}) {
      const running = runGateway(options.gate ?? gate, {
        pins: join(dir, `pins-${++pinFiles}.json`),
        maxMessageBytes: 2 ** 20,
        listTimeoutMs: 200,
        ...options,
      })
      runs.push(running)
      return running
    },
    async stop() {
      for (const { stop, ended } of runs) {
        stop.abort()
        await ended
      }
      await gate.stop()
      await broker.stop()
      await nats.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function runGateway(
  gate: Pick<Gate, 'ask'>,
  { pins, ...config }: { pins: string; maxMessageBytes: number; listTimeoutMs: number },
): Running {
  const server = fakeProcess()
  const toGateway = new PassThrough()
  const fromGateway = new PassThrough()
  const log = createFakeLog()
  const stop = new AbortController()
  const toServer = linesOf(server.stdin)
  const toClient = linesOf(fromGateway)
  const nonce = `n${++pinFiles}-${process.pid}-${Date.now()}`
  const ended = runMcpGateway(
    { name: 'crm', nonce, progressEveryMs: 20, ...config },
    {
      gate,
      pins: openPins(pins, 'crm', { now: Date.now, say: (text) => log.warn(text) }),
      server,
      client: { stdin: toGateway, stdout: fromGateway },
      log,
      signal: stop.signal,
    },
  )
  return { server, toGateway, fromGateway, log, ended, stop, toClient, toServer }
}

function linesOf(stream: PassThrough): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = []
  let rest = ''
  stream.on('data', (chunk) => {
    const parts = `${rest}${chunk}`.split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) lines.push(JSON.parse(line))
  })
  return lines
}

type Result = { content?: { text: string }[]; isError?: boolean; [member: string]: unknown }
export interface AnyClient {
  connect(transport: unknown): Promise<void>
  callTool(params: object, options?: object): Promise<Result>
  listTools(): Promise<{ tools: { name: string }[] }>
  listResources(): Promise<{ resources: { uri: string }[] }>
  readResource(params: { uri: string }): Promise<{ contents: unknown[] }>
  getPrompt(params: { name: string }): Promise<{ messages: unknown[] }>
  ping(): Promise<unknown>
  close(): Promise<void>
}

export type Sdk = 'v1' | 'v2'
const info = { name: 'test-client', version: '1.0.0' }
const capabilities = { sampling: {}, elicitation: {}, roots: {} }
const answers = {
  roots: { roots: [{ uri: 'file:///home', name: 'home' }] },
  sampling: { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'Yes' } },
  elicitation: { action: 'accept' as const, content: { confirm: true } },
}

/** A real client of one SDK, unmodified but for its transport: the SDK's own one for lines, on streams. */
export function clientOf(sdk: Sdk, options: object = {}): AnyClient {
  if (sdk === 'v1') return clientV1()
  const client = new ClientV2(info, { capabilities, ...options })
  client.setRequestHandler('roots/list', async () => answers.roots)
  client.setRequestHandler('sampling/createMessage', async () => answers.sampling)
  client.setRequestHandler('elicitation/create', async () => answers.elicitation)
  return client as unknown as AnyClient
}

/** v1 takes the schema of the result before the options. */
function clientV1(): AnyClient {
  const client = new ClientV1(info, { capabilities })
  client.setRequestHandler(v1Schemas.ListRootsRequestSchema, async () => answers.roots)
  client.setRequestHandler(v1Schemas.CreateMessageRequestSchema, async () => answers.sampling)
  client.setRequestHandler(v1Schemas.ElicitRequestSchema, async () => answers.elicitation)
  const call = client.callTool.bind(client)
  const ours = client as unknown as AnyClient
  ours.callTool = (params, options) => call(params as never, undefined, options) as Promise<Result>
  return ours
}

/** Client and server of the named SDKs, with a gateway between. */
export async function connected(
  scene: GatewayScene,
  { client: clientSdk, server: serverSdk }: { client: Sdk; server: Sdk },
  clientOptions: object = {},
): Promise<{ client: AnyClient; entered: Entered[]; running: Running }> {
  const entered: Entered[] = []
  const running = scene.run()
  const { stdin, stdout } = running.server
  if (serverSdk === 'v1') await v1Server(entered).connect(new LinesV1(stdin, stdout))
  else serveStdio(() => v2Server(entered), { transport: new LinesV2(stdin, stdout) })
  const client = clientOf(clientSdk, clientOptions)
  const Lines = clientSdk === 'v1' ? LinesV1 : LinesV2
  await client.connect(new Lines(running.fromGateway, running.toGateway))
  return { client, entered, running }
}

import * as v1Schemas from '@modelcontextprotocol/sdk/types.js'
