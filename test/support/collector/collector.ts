import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort } from '#runtime'
import { endOf } from '../broker-process.ts'
import { findCollector } from './programs.ts'

export interface Collector {
  /** Where it receives. */
  http: string
  /** Host and port. */
  grpc: string
  /** Everything that it has logged. */
  log(): string
  /** Resolves when it has logged this. */
  said(text: string): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface CollectorOptions {
  /** `before` or `after`: a file of deploy/collector. */
  config: 'before' | 'after'
  env: Record<string, string>
  /** What a test says otherwise, as `exporters::otlp_http::compression: zstd`. */
  over?: readonly string[]
  /** Ports of one that was stopped. */
  at?: Pick<Collector, 'http' | 'grpc'>
  /** Its queue, kept from one that was stopped. */
  queueDir?: string
}

/** Certificates of the tests: `authority.pem` is who signed that of a Collector behind Holdpoint. */
export const pki = (name: string): string => resolve(import.meta.dirname, '../../pipeline/pki', name)

/** The first line of the file of tokens that Holdpoint and the Collectors of a test share. */
export const TOKEN = 'a-token-of-the-tests'

/** A real Collector with a configuration of deploy/, on loopback. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { collector } = findCollector() ?? {}
  if (collector === undefined) throw new Error('no Collector: npm run test:collector builds one')
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-collector-'))
  const token = join(dir, 'token')
  writeFileSync(token, `${TOKEN}\n`, { mode: 0o600 })
  const httpPort = options.at ? new URL(options.at.http).port : String(await freePort(0))
  const grpcPort = options.at ? (options.at.grpc.split(':')[1] ?? '') : String(await freePort(0))
  const file = resolve(import.meta.dirname, `../../../deploy/collector/${options.config}.yaml`)
  // Its own metrics would want a port.
  const over = ['service::telemetry::metrics::level: none', ...(options.over ?? [])]
  const child = spawn(
    collector,
    ['--config', file, ...over.flatMap((yaml) => ['--config', `yaml:${yaml}`])],
    {
      env: {
        LISTEN_HOST: '127.0.0.1',
        HTTP_PORT: httpPort,
        GRPC_PORT: grpcPort,
        QUEUE_DIR: options.queueDir ?? join(dir, 'queue'),
        HOLDPOINT_TOKEN_FILE: token,
        FORWARD_TOKEN_FILE: token,
        TLS_CERT: pki('server.pem'),
        TLS_KEY: pki('server.key'),
        ...options.env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const heard = listen(child)
  const stop = async (signal?: NodeJS.Signals): Promise<void> => {
    await endOf(child, signal)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await heard.said('Everything is ready')
  } catch (error) {
    await stop()
    throw error
  }
  const http = options.config === 'after' ? `https://localhost:${httpPort}` : `http://127.0.0.1:${httpPort}`
  return { http, grpc: `127.0.0.1:${grpcPort}`, ...heard, stop }
}

function listen(child: ChildProcess): Pick<Collector, 'log' | 'said'> {
  let log = ''
  let over = false
  const looks = new Set<() => void>()
  const look = (): void => {
    for (const one of looks) one()
  }
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text
    look()
  })
  child.once('close', () => {
    over = true
    look()
  })
  return {
    log: () => log,
    said: (text) =>
      new Promise((found, failed) => {
        const one = (): void => {
          if (!log.includes(text) && !over) return
          looks.delete(one)
          if (log.includes(text)) found()
          else failed(new Error(`the Collector ended without saying "${text}":\n${log}`))
        }
        looks.add(one)
        one()
      }),
  }
}
