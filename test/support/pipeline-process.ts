import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Edit, editedEnvironment } from './guards.ts'
import { pause } from './pause.ts'
import { steadyPort } from './port.ts'

const PROGRAM = fileURLToPath(new URL('../../src/main/holdpoint.ts', import.meta.url))
const AGAIN_AFTER_MS = 50
const LAST_WORDS = 4_000
const STOPS_WITHIN_MS = 30_000

/** Where it receives OTLP. */
export interface Endpoint {
  http: string
  grpc: string
}

/** `holdpoint pipeline` as a process under a supervisor, which starts it again however it ends. */
export interface Pipeline {
  name: string
  endpoint: Endpoint
  /** Of the process that runs now. */
  pid(): number | undefined
  isReady(): boolean
  /** Ends it by SIGKILL; the next one runs with these edits, the one after it without. */
  kill(next?: readonly Edit[]): Promise<void>
  /** How many with edits have ended themselves. */
  reached(): number
  lastWords(): string
  /** It had been ready and nobody killed it: what it said last. */
  endedByThemselves: readonly string[]
  stop(): Promise<void>
}

/** `env` is the environment of every one of them, without its ports; `always` are edits of every one of them. */
export async function startPipeline(
  name: string,
  cwd: string,
  env: Record<string, string>,
  always: readonly Edit[],
): Promise<Pipeline> {
  const [port, grpcPort] = [await steadyPort(), await steadyPort()]
  const endedByThemselves: string[] = []
  const killed = new WeakSet<ChildProcess>()
  let child: ChildProcess | undefined
  let isReady = false
  let edits: readonly Edit[] = []
  let reached = 0
  let isStopping = false
  let lastWords = ''
  const killOnExit = () => child?.kill('SIGKILL')
  process.once('exit', killOnExit)

  async function live(): Promise<void> {
    while (!isStopping) {
      const mine = edits
      edits = []
      const how = await liveOnce(mine)
      if (isStopping) return
      if (how.killedItself && mine.length > 0) reached++
      else if (how.was && how.was !== 'killed') endedByThemselves.push(`${name} ended with ${how.was}`)
      await pause(AGAIN_AFTER_MS)
    }
  }

  async function liveOnce(mine: readonly Edit[]): Promise<{ killedItself: boolean; was?: string }> {
    const spawned = spawn(process.execPath, [PROGRAM, 'pipeline'], {
      cwd,
      env: {
        ...process.env,
        ...env,
        HOLDPOINT_PIPELINE_PORT: String(port),
        HOLDPOINT_PIPELINE_GRPC_PORT: String(grpcPort),
        HOLDPOINT_METRICS_PORT: '0',
        ...editedEnvironment([...always, ...mine]),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child = spawned
    let wasReady = false
    createInterface({ input: spawned.stderr }).on('line', (line) => {
      lastWords = `${lastWords}${line}\n`.slice(-LAST_WORDS)
      if (!line.includes('the pipeline is ready')) return
      wasReady = true
      isReady = true
    })
    const [code, signal] = (await once(spawned, 'exit')) as [number | null, string | null]
    isReady = false
    if (signal === 'SIGKILL') return { killedItself: !killed.has(spawned), was: 'killed' }
    // Before it is ready it may find no server to begin with, and is right to end.
    return { killedItself: false, ...(wasReady ? { was: `${code ?? signal}: ${lastWords}` } : {}) }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const victim = child
    if (victim === undefined || victim.exitCode !== null || victim.signalCode !== null) return
    const ended = once(victim, 'exit')
    killed.add(victim)
    victim.kill(signal)
    const hardly = setTimeout(() => victim.kill('SIGKILL'), STOPS_WITHIN_MS)
    await ended
    clearTimeout(hardly)
  }

  const living = live()
  return {
    name,
    endpoint: { http: `http://127.0.0.1:${port}`, grpc: `http://127.0.0.1:${grpcPort}` },
    pid: () => child?.pid,
    isReady: () => isReady,
    async kill(next = []) {
      edits = next
      isReady = false
      await end('SIGKILL')
    },
    reached: () => reached,
    lastWords: () => lastWords,
    endedByThemselves,
    async stop() {
      isStopping = true
      await end('SIGTERM')
      await living
      process.off('exit', killOnExit)
    },
  }
}
