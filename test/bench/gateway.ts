import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { agentEnvironment } from '../support/agent-process.ts'
import { startNats } from '../support/nats.ts'
import type { RunOptions } from '../support/runner.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { percentile } from './support/percentile.ts'

export const summary =
  'What the MCP gateway adds to an allowed call, beside a relay process that only pipes, between the same client and server.'

export interface GatewayBench {
  plainP50Ms: number
  plainP99Ms: number
  gatewayP50Ms: number
  gatewayP99Ms: number
  addedP50Ms: number
  addedP99Ms: number
}

const CALLS = 5_000
const WARM_UP_CALLS = 1_000
const CALLS_A_TURN = 20

const POLICY = `
holdpoint: 1
mode: enforce
defaults: { effect: hold, approvals: { from: [sre], threshold: 1, assurance: login } }
groups: { sre: ["oidc:https://idp.example.com#group/sre"] }
rules:
  - { id: lookup, match: { kind: mcp, name: "lookup_*" }, effect: allow }
`

/** One call at a time, 1 KiB of arguments and of result; `--n` calls through each. */
export async function run({ n: calls = CALLS }: Partial<RunOptions> = {}): Promise<GatewayBench> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-bench-'))
  const nats = await startNats()
  const broker = createScriptedBroker({ policy: POLICY })
  await broker.start(nats.url)
  const agent = agentEnvironment(broker, nats.url)
  const here = join(import.meta.dirname, 'support')
  const server = [process.execPath, join(here, 'mcp-server.ts')]
  const env = { ...process.env, ...agent.env, HOLDPOINT_DATA_DIR: dir }
  const program = join(import.meta.dirname, '../../src/main/holdpoint.ts')
  const plain = await connect([join(here, 'plain-relay.ts'), ...server], env)
  const gateway = await connect([program, 'mcp', '--name', 'crm', '--', ...server], env)
  try {
    return await measure(plain, gateway, calls)
  } finally {
    await plain.close()
    await gateway.close()
    agent.remove()
    await broker.stop()
    await nats.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measure(plain: Line, gateway: Line, calls: number): Promise<GatewayBench> {
  const plainMs: number[] = []
  const gatewayMs: number[] = []
  for (let done = -WARM_UP_CALLS; done < calls; done += CALLS_A_TURN) {
    // Interleaved, and either first as often, so that whatever else the machine does falls on both alike.
    const turns = [() => time(plain, done < 0 ? [] : plainMs), () => time(gateway, done < 0 ? [] : gatewayMs)]
    for (const turn of (done / CALLS_A_TURN) % 2 === 0 ? turns : turns.toReversed()) await turn()
  }
  const of = (values: number[], at: number) => rounded(percentile(values, at))
  const [plainP50Ms, plainP99Ms] = [of(plainMs, 0.5), of(plainMs, 0.99)]
  const [gatewayP50Ms, gatewayP99Ms] = [of(gatewayMs, 0.5), of(gatewayMs, 0.99)]
  const addedP50Ms = rounded(gatewayP50Ms - plainP50Ms)
  return {
    plainP50Ms,
    plainP99Ms,
    gatewayP50Ms,
    gatewayP99Ms,
    addedP50Ms,
    addedP99Ms: rounded(gatewayP99Ms - plainP99Ms),
  }
}

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000

const PARAMS = { name: 'lookup_customer', arguments: { id: 7, note: 'x'.repeat(1000) } }

async function time(line: Line, into: number[]): Promise<void> {
  for (let n = 0; n < CALLS_A_TURN; n++) {
    const startedAt = performance.now()
    const answer = await line.request('tools/call', PARAMS)
    into.push(performance.now() - startedAt)
    if (answer.result?.isError !== undefined) throw new Error(`not allowed: ${JSON.stringify(answer)}`)
  }
}

interface Line {
  request(method: string, params: object): Promise<{ result?: { isError?: boolean } }>
  close(): Promise<void>
}

/** The smallest client: it waits for one answer at a time. */
async function connect(args: string[], env: NodeJS.ProcessEnv): Promise<Line> {
  const child: ChildProcess = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  let answered: (answer: never) => void = () => {}
  lines.on('line', (line) => answered(JSON.parse(line) as never))
  let id = 0
  const write = (message: object) =>
    void child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const line: Line = {
    request(method, params) {
      const answer = new Promise<never>((resolve) => {
        answered = resolve
      })
      write({ id: ++id, method, params })
      return answer
    },
    async close() {
      const closed = once(child, 'close')
      child.stdin?.end()
      await closed
    },
  }
  await line.request('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  })
  write({ method: 'notifications/initialized' })
  await line.request('tools/list', {})
  return line
}
