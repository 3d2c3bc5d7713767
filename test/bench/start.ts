import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { agentEnvironment } from '../support/agent-process.ts'
import { POLICY } from '../support/gate-scene.ts'
import { startNats } from '../support/nats.ts'
import type { RunOptions } from '../support/runner.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'

export const summary =
  'What `register` adds to the start of a program that loads all frameworks: until its own first line.'

export interface StartBench {
  name: 'start'
  /** From spawn to the first line, without the gate. */
  plainMs: number
  registeredMs: number
  /** Median of the differences within each pair. */
  addedMs: number
  pairs: number
}

const root = resolve(import.meta.dirname, '../..')
/** Below node_modules, so that what is built here finds the clone's packages. */
const place = join(root, 'node_modules/.cache/holdpoint/bench-start')
const PAIRS = 15
const WARM_UP = 2

const SDKS = [
  '@openai/agents',
  'openai',
  '@anthropic-ai/sdk',
  'ai',
  'langchain',
  '@langchain/core/tools',
  '@langchain/langgraph',
  '@modelcontextprotocol/sdk/client/index.js',
  '@modelcontextprotocol/client',
  '@aws-sdk/client-s3',
  'pg',
]

/** The published JavaScript, as agent services run it, beside a nats-server. */
export async function run({ n = PAIRS, say }: Pick<RunOptions, 'n' | 'say'>): Promise<StartBench> {
  build()
  const nats = await startNats()
  const broker = createScriptedBroker({ policy: POLICY })
  await broker.start(nats.url)
  const agent = agentEnvironment(broker, nats.url)
  const register = ['--import', join(place, 'instrumentation/instrumentation/register.js')]
  const plain: number[] = []
  const registered: number[] = []
  try {
    for (let pair = -WARM_UP; pair < n; pair++) {
      // Which of the two comes first changes: whatever the machine does falls on both alike.
      const [first, second] = pair % 2 === 0 ? [[], register] : [register, []]
      const times = [await time(first, agent.env), await time(second, agent.env)]
      if (pair < 0) continue
      plain.push(times[first.length === 0 ? 0 : 1] as number)
      registered.push(times[first.length === 0 ? 1 : 0] as number)
      say(`${pair + 1} of ${n}: ${plain.at(-1)} ms without, ${registered.at(-1)} ms with it`)
    }
  } finally {
    await broker.stop()
    await nats.stop()
    agent.remove()
  }
  return {
    name: 'start',
    plainMs: median(plain),
    registeredMs: median(registered),
    addedMs: median(plain.map((ms, pair) => (registered[pair] as number) - ms)),
    pairs: n,
  }
}

function build(): void {
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  const args = [join(root, 'src/main/pack.ts'), '--out', place]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0 || !existsSync(join(place, 'instrumentation'))) throw new Error(stderr)
  const imports = SDKS.map((sdk) => `import '${sdk}'`).join('\n')
  writeFileSync(join(place, 'app.mjs'), `${imports}\nprocess.stdout.write('started\\n')\nprocess.exit(0)\n`)
}

async function time(imports: string[], env: Record<string, string>): Promise<number> {
  const startedAt = performance.now()
  const child: ChildProcess = spawn(process.execPath, [...imports, join(place, 'app.mjs')], {
    cwd: place,
    env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none', HOLDPOINT_LOG: 'off', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const [line] = (await Promise.race([
    once(child.stdout as NonNullable<typeof child.stdout>, 'data'),
    closed,
  ])) as [unknown]
  const ms = performance.now() - startedAt
  if (String(line) !== 'started\n') throw new Error(`the program did not start: ${String(line)}`)
  await closed
  return Math.round(ms)
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
