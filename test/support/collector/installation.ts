import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { requireRunning } from '#runtime'
import { createStore, type Store } from '#store'
import { endOf } from '../broker-process.ts'
import { startProgram } from '../program.ts'
import { pki, TOKEN } from './collector.ts'
import type { Receiver } from './load.ts'
import { releaseAsBob } from './release.ts'

/** `holdpoint up` as a process of its own, in a folder of its own. */
export interface Installation {
  /** Where its pipeline receives. */
  otlp: Receiver
  nats: string
  pin: string
  /** The path of a file in its data folder. */
  file(name: string): string
  /** Reads its store. */
  query: Store['query']
  /** A gated agent attempts `grant_role`, which Bob releases; its telemetry goes there. */
  actReleased(to: Receiver): Promise<void>
  stop(): Promise<void>
}

const ROOT = resolve(import.meta.dirname, '../../..')

export async function startInstallation(env: Record<string, string> = {}): Promise<Installation> {
  const cwd = mkdtempSync(join(tmpdir(), 'holdpoint-beside-'))
  copyFileSync(join(ROOT, 'src/main/demo/policy.yaml'), join(cwd, 'policy.yaml'))
  writeFileSync(join(cwd, 'tokens'), `${TOKEN}\n`, { mode: 0o600 })
  const ports = ['NATS', 'HTTP', 'IDENTITY', 'CLICKHOUSE', 'PIPELINE', 'PIPELINE_GRPC']
  const own: Record<string, string> = {
    ...Object.fromEntries(ports.map((name) => [`HOLDPOINT_${name}_PORT`, '0'])),
    HOLDPOINT_PIPELINE_TOKENS: join(cwd, 'tokens'),
    NODE_EXTRA_CA_CERTS: pki('authority.pem'),
    ...env,
  }
  const start = (words: readonly string[]) => startProgram('src/main/holdpoint.ts', words, { cwd, env: own })
  const up = start(['up'])
  const stop = async (): Promise<void> => {
    await endOf(up.child)
    rmSync(cwd, { recursive: true, force: true })
  }
  await up.said('Holdpoint is up').catch(async (error) => {
    await stop()
    throw error
  })
  const file = (name: string): string => join(cwd, '.holdpoint', name)
  const running = requireRunning(file(''))
  const reading = createStore(running.clickhouse)
  return {
    otlp: { http: running.otlp.url, grpc: new URL(running.otlp.grpcUrl ?? '').host, token: TOKEN },
    nats: running.nats.url,
    pin: readFileSync(file('trust/pin'), 'utf8').trim(),
    file,
    query: reading.query,
    async actReleased(to) {
      const adding = ['agent', 'add', 'my-agent', '--owner', 'alice', '--environment', 'prod', '--json']
      const added = await start(adding).finished
      if (added.code !== 0) throw new Error(`the agent was not added: ${added.stderr}`)
      const variables = {
        ...JSON.parse(added.stdout),
        OTEL_EXPORTER_OTLP_ENDPOINT: to.http,
        OTEL_SERVICE_NAME: 'gated',
        ...(to.token === undefined
          ? {}
          : { OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${to.token}` }),
      }
      // From the clone: a service has its OpenTelemetry SDK in its own folder.
      const agent = startProgram('test/support/apps/hold-once.ts', [], {
        cwd: ROOT,
        env: variables,
        gated: true,
      })
      await releaseAsBob(file(''), running)
      const { code, stdout, stderr } = await agent.finished
      if (code !== 0 || !stdout.includes('"ran":true'))
        throw new Error(`the agent was not released: ${stdout}${stderr}`)
    },
    async stop() {
      await reading.close()
      await stop()
    },
  }
}
