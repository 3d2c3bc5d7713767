import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNatsServer } from '#runtime'
import { createFakeLog, type FakeLog } from './log.ts'

export interface NatsOptions {
  /** Every write on disk before it is acknowledged, as in production. */
  syncAlways?: boolean
  /** More of the server's own configuration: operator, resolver, accounts, limits. */
  configText?: string
  /** 0, the preset, is any free port. */
  port?: number
  /** A folder to keep, so that a server can be started again on its data. */
  dir?: string
}

export interface TestNats {
  url: string
  pid: number
  dir: string
  /** What the server warned about. */
  log: FakeLog
  /** Stops the server; removes its folder unless it was given. */
  stop(): Promise<void>
}

/** A real nats-server with JetStream in a temporary folder. */
export async function startNats(options: NatsOptions = {}): Promise<TestNats> {
  const { syncAlways = false, configText = '', port = 0 } = options
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'holdpoint-nats-'))
  const sync = syncAlways ? 'sync_interval: always' : ''
  const log = createFakeLog()
  const server = createNatsServer({
    configText: `jetstream { store_dir: "${join(dir, 'jetstream')}"\n${sync} }\n${configText}\n`,
    dir,
    log,
    port,
  })
  await server.start()
  return {
    url: server.url,
    pid: server.pid,
    dir,
    log,
    async stop() {
      await server.stop()
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}
