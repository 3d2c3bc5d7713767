import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Log } from '#runtime'
import type { ChildMessage, ParentMessage, StartMessage } from './protocol.ts'

export type EngineFailure = Extract<ChildMessage, { type: 'failed' }>
export type EngineAnswer = Extract<ChildMessage, { type: 'ready' }> | EngineFailure

export interface EngineProcess {
  readonly pid: number | undefined
  /** Resolves, and never rejects; after a failure the process has ended. */
  start(message: Omit<StartMessage, 'type'>): Promise<EngineAnswer>
  stop(): Promise<void>
  /** How it ended: `exit code 0`, `signal SIGKILL`. */
  readonly ended: Promise<string>
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000
const MAX_PRINTED = 16_384

const CHILD = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url),
)

/** The child process that holds the engine, as its parent sees it. */
export function spawnEngine(dataDir: string, log: Log): EngineProcess {
  const child = fork(CHILD, [], {
    // Whatever secrets this process has in its environment, the engine does not get them.
    env: { TZ: 'UTC', LANG: 'C.UTF-8', UV_THREADPOOL_SIZE: '16', TMPDIR: dataDir },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      printed = (printed + chunk).slice(-MAX_PRINTED)
      log.debug('from the engine', { text: chunk.toString().trim() })
    })
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
    child.once('error', (error) => resolve(error.message))
  })

  return {
    pid: child.pid,
    ended,
    async start(message) {
      const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
      const answer = await Promise.race([firstAnswer(child), ended])
      clearTimeout(timer)
      if (typeof answer !== 'string' && answer.type === 'ready') return answer
      // The addon says only that it failed; why stands in what the engine printed until it ended.
      const how = await ended
      const said = typeof answer === 'string' ? failed(how) : answer
      const locked = /Cannot lock file/.test(printed)
      return {
        ...said,
        reason: locked ? 'locked' : said.reason,
        message: `${said.message}\n${printed}`.trim(),
      }

      function firstAnswer(from: ChildProcess): Promise<EngineAnswer> {
        send(from, { type: 'start', ...message })
        return new Promise((resolve) => from.once('message', (first) => resolve(first as EngineAnswer)))
      }
    },
    async stop() {
      send(child, { type: 'stop' })
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await ended
      clearTimeout(timer)
    },
  }
}

const failed = (message: string): EngineFailure => ({ type: 'failed', reason: 'other', message })

/** To a process that has gone there is nothing to say: `ended` tells of it. */
function send(child: ChildProcess, message: ParentMessage): void {
  if (child.connected) child.send(message, () => {})
}
