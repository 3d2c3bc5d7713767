import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { FILES, openHome, parsePrincipal, publishTrust, readPin, registerAgent } from '#broker'
import { connectDesk, createDesk, type Desk } from '#desk'
import { DEVELOPMENT_ISSUER, developmentIssuerAt, signInAs } from '#identity'
import {
  type Config,
  createLog,
  createStack,
  createTelemetry,
  type Log,
  type Running,
  readConfig,
  refuseClaimed,
} from '#runtime'
import { createStore, type Store } from '#store'
import { createConnection } from './connection.ts'
import { startUp } from './up.ts'

const AGENT = 'support-agent'

/** Everything running in a folder of its own, with one registered agent. */
export interface Stage {
  config: Config
  running: Running
  store: Store
  desk: Desk
  /** Of the made-up people. */
  passphrase: string
  /** Signs one of the development people in. */
  signIn(person: string): Promise<string>
  /** Starts one of the demo's agents as a process; `env` adds to its environment. */
  play(script: string, options?: { gated?: boolean; env?: Record<string, string> }): Player
  connection(role: 'pipeline'): ReturnType<typeof createConnection>
  pin: string
  stop(): Promise<void>
}

export interface Player {
  process: ChildProcess
  /** What it did and said, as it told us. */
  lines: Record<string, unknown>[]
  /** The exit code. */
  ended: Promise<number>
}

export async function setStage(dataDir: string, env: NodeJS.ProcessEnv, now: () => number): Promise<Stage> {
  // Two in one folder would take each other's data away.
  refuseClaimed(dataDir)
  rmSync(dataDir, { recursive: true, force: true })
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const policy = `${dataDir}/policy.yaml`
  copyFileSync(new URL('./demo/policy.yaml', import.meta.url), policy)
  const level = env.HOLDPOINT_LOG_LEVEL ?? 'error'
  const config = readConfig({
    cwd: dataDir,
    env: { ...env, HOLDPOINT_DATA_DIR: dataDir, HOLDPOINT_POLICY: policy, HOLDPOINT_LOG_LEVEL: level },
  })
  const log: Log = createLog({ name: 'demo', level: config.log.level })
  const stack = createStack(log)
  const fail = (error: unknown): void => log.error('a part of the demo failed', { error })
  const telemetry = await stack.start(createTelemetry({ name: 'demo', env: {}, metrics: { log } }))
  const running = await startUp({ config, log, stack, telemetry, now, cwd: dataDir, fail })

  const home = openHome(dataDir)
  const owner = parsePrincipal('alice', DEVELOPMENT_ISSUER)
  await registerAgent(
    home,
    { agentId: AGENT, name: 'support-agent', owner, environment: 'prod', enforcement: 'in-process' },
    now(),
  )
  const admin = createConnection('admin', home, running.nats.url)
  await admin.start()
  await publishTrust(admin.nc(), home, now())
  await admin.stop()

  const nc = await connectDesk(running.nats.url, home.read(FILES.credentials('desk')))
  const store = createStore(running.clickhouse)
  const { discoveryUrl = '' } = developmentIssuerAt(running.identity?.url ?? '')
  const passphrase = readFileSync(home.path('people/passphrase'), 'utf8').trim()
  return {
    config,
    running,
    store,
    desk: createDesk({ nc }),
    pin: readPin(home),
    passphrase,
    signIn: async (person) => (await signInAs(discoveryUrl, { person, passphrase })).idToken,
    play: (script, { gated = true, env: extra = {} } = {}) =>
      play(script, gated, {
        ...env,
        HOLDPOINT_NATS_URL: running.nats.url,
        HOLDPOINT_CREDENTIALS: home.path(FILES.agentCredentials(AGENT)),
        HOLDPOINT_AGENT: AGENT,
        HOLDPOINT_PIN: readPin(home),
        OTEL_SERVICE_NAME: 'support',
        OTEL_EXPORTER_OTLP_ENDPOINT: running.otlp.url,
        ...extra,
      }),
    connection: (role) => createConnection(role, home, running.nats.url),
    async stop() {
      await nc.drain()
      await store.close()
      await stack.stop()
    },
  }
}

const ROOT = new URL('../../', import.meta.url)
const REGISTER = new URL('instrumentation/register.ts', ROOT).href

function play(script: string, gated: boolean, env: NodeJS.ProcessEnv): Player {
  const file = fileURLToPath(new URL(`./demo/${script}`, import.meta.url))
  const args = gated ? ['--import', REGISTER, file] : [file]
  // Its own folder, as any service has: the OpenTelemetry SDK is looked for from there.
  const child = spawn(process.execPath, args, {
    env,
    cwd: fileURLToPath(ROOT),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // It waits for a broker that is not coming back, where we end without an orderly stop (`npm run demo | head`).
  const endWithUs = (): void => void child.kill()
  process.once('exit', endWithUs)
  const lines: Record<string, unknown>[] = []
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    // The SDKs may print, too.
    if (line.startsWith('{"')) lines.push(JSON.parse(line) as Record<string, unknown>)
  })
  const ended = new Promise<number>((resolve) =>
    child.once('close', (code) => {
      process.off('exit', endWithUs)
      resolve(code ?? 1)
    }),
  )
  return { process: child, lines, ended }
}
