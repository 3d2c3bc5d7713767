import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { endOf } from '../support/broker-process.ts'
import { pause } from '../support/pause.ts'
import { type Running, startProgram } from '../support/program.ts'
import { runCommand } from './run-command.ts'

/** `holdpoint up` with the examples' policy in a process of its own, and everything else by a user's commands. */
export interface Installation {
  /** One command; it must succeed. */
  run(...args: string[]): Promise<string>
  /** An example under `--import …/register`, registered as an agent of alice's; waits until it listens. */
  startExample(file: string, agent: string, env: Record<string, string>): Promise<Example>
  /** The requests that are open, once there are so many. */
  open(count: number): Promise<OpenRequest[]>
  /** What people were asked about, and what was made of it, once so many are verified. */
  actions(agent: string, count: number): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}
export interface Example {
  url: string
  stdout(): string
}
export interface OpenRequest {
  requestId: string
  name: string
}

const ROOT = join(import.meta.dirname, '../..')
const COMES_WITHIN_MS = 30_000

export async function startInstallation(): Promise<Installation> {
  const cwd = mkdtempSync(join(tmpdir(), 'holdpoint-examples-'))
  const started: Running[] = []
  const start = (args: string[], env: Record<string, string> = {}): Running => {
    const running = startProgram('src/main/holdpoint.ts', args, { cwd, env })
    started.push(running)
    return running
  }
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCommand(args, { cwd })
    if (code !== 0) throw new Error(`holdpoint ${args.join(' ')} ended with ${code}:\n${stderr}`)
    return stdout
  }
  await run('init')
  copyFileSync(join(ROOT, 'instrumentation/examples/policy.yaml'), join(cwd, 'policy.yaml'))
  const free = { HOLDPOINT_NATS_PORT: '0', HOLDPOINT_PIPELINE_PORT: '0', HOLDPOINT_CLICKHOUSE_PORT: '0' }
  await start(['up'], { ...free, HOLDPOINT_HTTP_PORT: '0', HOLDPOINT_IDENTITY_PORT: '0' }).said(
    'Holdpoint is up',
  )

  return {
    run,
    async startExample(file, agent, env) {
      const variables = await run(
        'agent',
        'add',
        agent,
        '--owner',
        'alice',
        '--environment',
        'prod',
        '--json',
      )
      const running = startProgram(file, [], {
        // Where its packages are, the OpenTelemetry SDK among them.
        cwd: dirname(join(ROOT, file)),
        env: { PORT: '0', OTEL_BSP_SCHEDULE_DELAY: '100', ...JSON.parse(variables), ...env },
        gated: true,
      })
      started.push(running)
      await running.said('listening on ')
      const url = /listening on (\S+)/.exec(running.stdout())?.[1] as string
      return { url, stdout: running.stdout }
    },
    open: (count) => until(async () => JSON.parse(await run('requests', 'list', '--json')).requests, count),
    actions: (agent, count) =>
      until(async () => {
        const sql = `SELECT name, ruling, decision, approvers, outcome, verification FROM holdpoint_actions WHERE agent = '${agent}' AND verification <> ''`
        return JSON.parse(await run('sql', '--json', sql)).rows
      }, count),
    async stop() {
      for (const { child } of started.reverse()) await endOf(child)
      rmSync(cwd, { recursive: true, force: true })
    },
  }
}

async function until<T>(look: () => Promise<T[]>, count: number): Promise<T[]> {
  const giveUpAt = performance.now() + COMES_WITHIN_MS
  for (;;) {
    const found = await look()
    if (found.length >= count) return found
    if (performance.now() > giveUpAt) throw new Error(`expected ${count}, found ${JSON.stringify(found)}`)
    await pause(100)
  }
}
