import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileCache } from './compile-cache.ts'
import type { ScriptedBroker } from './scripted-broker.ts'

export interface AgentProcess {
  child: ChildProcess
  /** Everything it wrote so far. */
  stdout(): string
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>
}

const root = join(import.meta.dirname, '..', '..')
const register = 'instrumentation/register.ts'

interface AgentOptions {
  args?: string[]
  before?: string[]
  after?: string[]
  /** Without `register`: the program, or what is imported before it, starts the gate itself. */
  alone?: boolean
}

/** Starts a program under `--import …/register`, with the environment that `holdpoint agent add` prints. */
export function startAgent(
  app: string,
  env: Record<string, string>,
  { args = [], before = [], after = [], alone = false }: AgentOptions = {},
): AgentProcess {
  const imports = [...before, ...(alone ? [] : [register]), ...after].flatMap((file) => [
    '--import',
    join(root, file),
  ])
  const child = spawn(process.execPath, [...imports, join(root, app), ...args], {
    cwd: root,
    env: {
      PATH: process.env.PATH ?? '',
      ...compileCache(),
      OPENAI_AGENTS_DISABLE_TRACING: '1',
      OTEL_TRACES_EXPORTER: 'none',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  return { child, stdout: () => stdout, ended }
}

export interface AgentEnvironment {
  env: Record<string, string>
  remove(): void
}

export function agentEnvironment(broker: ScriptedBroker, natsUrl: string): AgentEnvironment {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-agent-'))
  const credentials = join(dir, 'agent.creds')
  writeFileSync(credentials, broker.credentials, { mode: 0o600 })
  return {
    env: {
      HOLDPOINT_NATS_URL: natsUrl,
      HOLDPOINT_CREDENTIALS: credentials,
      HOLDPOINT_AGENT: broker.agentId,
      HOLDPOINT_PIN: broker.pin,
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}
