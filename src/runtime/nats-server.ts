import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { HoldpointError } from '#contract'
import type { Component } from './component.ts'
import type { Log } from './log.ts'
import { findNatsServer } from './nats-server-path.ts'
import { freePort } from './port.ts'

const READY_WITHIN_MS = 30_000
const STOPPED_WITHIN_MS = 10_000

export interface NatsServerOptions {
  /** The server's own configuration language; host and port come from here, not from there. */
  configText: string
  /** Where the configuration is written; relative `store_dir`s are resolved against it. */
  dir: string
  log: Log
  /** The first port to try; 0 for any. */
  port?: number
  host?: string
}

export interface NatsServer extends Component {
  /** `nats://host:port`, once started. */
  readonly url: string
  readonly pid: number
}

/** A real nats-server as a child of this process. It ends with this process, however that ends (on Linux). */
export function createNatsServer(options: NatsServerOptions): NatsServer {
  const { configText, dir, log, port: wanted = 0, host = '127.0.0.1' } = options
  let running: { child: ChildProcess; port: number } | undefined
  const started = () => {
    if (running) return running
    throw new HoldpointError('INTERNAL', 'nats-server has not been started')
  }

  return {
    name: 'nats-server',
    get url() {
      return `nats://${host}:${started().port}`
    },
    get pid() {
      return started().child.pid as number
    },
    async start() {
      mkdirSync(dir, { recursive: true })
      const config = join(dir, 'nats-server.conf')
      // It may hold resolver keys; nobody else on this machine needs to read it.
      writeFileSync(config, configText, { mode: 0o600 })
      for (let from = wanted; running === undefined; ) {
        const port = await freePort(from, host)
        const attempt = await launch({ args: ['-c', config, '-a', host, '-p', String(port)], dir, log })
        if (attempt.ok) running = { child: attempt.child, port }
        else if (!attempt.portTaken) throw new HoldpointError('UNAVAILABLE', attempt.reason)
        else if (from !== 0) from = port + 1
      }
      log.info('nats-server is ready', { url: `nats://${host}:${running.port}`, pid: running.child.pid })
    },
    async stop() {
      const child = running?.child
      running = undefined
      if (child) await end(child)
    },
  }
}

type Launched = { ok: true; child: ChildProcess } | { ok: false; portTaken: boolean; reason: string }

async function launch({ args, dir, log }: { args: string[]; dir: string; log: Log }): Promise<Launched> {
  const [command, ...before] = [...dieWithParent(), findNatsServer()]
  // A group of its own: Ctrl-C in the terminal must reach us alone, so that we drain before the server goes.
  const child = spawn(command as string, [...before, ...args], {
    cwd: dir,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)

  return new Promise((resolve) => {
    let lastWords = ''
    let ready = false
    const deadline = setTimeout(() => {
      lastWords = `not ready within ${READY_WITHIN_MS} ms; ${lastWords}`
      child.kill('SIGKILL')
    }, READY_WITHIN_MS)
    const settle = (reason: string) => {
      clearTimeout(deadline)
      process.off('exit', killOnExit)
      resolve({
        ok: false,
        portTaken: /address already in use/.test(reason),
        reason: `nats-server: ${reason}`,
      })
    }
    child.once('error', (error) => settle(error.message))
    // Not 'exit': its last words may still be on their way then.
    child.once('close', (code, signal) => {
      if (ready && !stopping.has(child)) log.error('nats-server ended by itself', { code, signal, lastWords })
      settle(lastWords || `ended with ${code ?? signal}`)
    })
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      const { level, text } = readLine(line)
      if (text === '') return
      if (level === 'INF' && text.startsWith('Server is ready')) {
        ready = true
        clearTimeout(deadline)
        resolve({ ok: true, child })
      }
      if (level === 'WRN') log.warn(text, { from: 'nats-server' })
      if (level !== 'INF' && level !== 'WRN') {
        lastWords = text
        if (ready) log.error(text, { from: 'nats-server' })
      }
    })
  })
}

/** `[pid] date time [LVL] text`; anything else (a configuration error, a panic) is passed on as it is. */
function readLine(line: string): { level: string; text: string } {
  const match = /^\[\d+\] \S+ \S+ \[(\w{3})\] (.*)$/.exec(line)
  return match
    ? { level: match[1] as string, text: (match[2] as string).trim() }
    : { level: '', text: line.replace(/^nats-server: /, '').trim() }
}

const stopping = new WeakSet<ChildProcess>()

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  stopping.add(child)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const hardly = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS)
  await ended
  clearTimeout(hardly)
}

let prefix: string[] | undefined

/** Where util-linux has it, the kernel ends the server even when we are killed without a chance to do so. */
function dieWithParent(): string[] {
  const wrapper = ['setpriv', '--pdeathsig', 'TERM', '--']
  const [command, ...args] = wrapper
  prefix ??= spawnSync(command as string, [...args, 'true']).status === 0 ? wrapper : []
  return prefix
}
