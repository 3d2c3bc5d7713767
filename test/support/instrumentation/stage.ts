import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { type Instrumentation, instrumentations } from '#instrumentation'
import { type AgentEnvironment, type AgentProcess, agentEnvironment, startAgent } from '../agent-process.ts'
import { type Scene, startScene } from '../gate-scene.ts'
import { createScriptedBroker, type ScriptedBroker, type ScriptedRequest } from '../scripted-broker.ts'
import { type RecordedSpans, recordSpans } from '../spans.ts'
import type { CopyName, Driver, Outputs, Parameters, ToolCall, Turn } from './driver.ts'
import { createOtherInstrumentation } from './other.ts'

/** Tools and MCP calls; a program of its own reaches its provider by HTTP, which is not what is tried here. */
export const CONTRACT_POLICY = `
holdpoint: 1
mode: { default: enforce }
defaults:
  effect: hold
  kinds: { http: allow }
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules:
  - id: lookup
    match: { name: "lookup_*" }
    effect: allow
  - id: drop
    match: { name: "drop_*" }
    effect: deny
    reason: Dropping a database is a change request.
`

/** Everything around the framework: a real nats-server, a scripted broker, a real gate, recorded spans. */
export interface House {
  scene: Scene
  spans: RecordedSpans
  instrumentation: Instrumentation
  /** A program of its own for each copy, which is to be killed; it knows another agent and another broker. */
  dying: { broker: ScriptedBroker; processes: ReadonlyMap<CopyName, AgentProcess> }
  stop(): Promise<void>
}

export async function startHouse<Sdk>(driver: Driver<Sdk>): Promise<House> {
  const { framework, instrumentation: row = framework, copies } = driver
  const instrumentation = instrumentations.find(({ name }) => name === row)
  if (instrumentation === undefined) throw new Error(`instrumentation/index.ts has no ${row}`)
  const spans = recordSpans()
  const scene = await startScene({ policy: CONTRACT_POLICY, config: { requestTimeoutMs: 5_000 } })
  const broker = createScriptedBroker({ policy: CONTRACT_POLICY, agentId: 'dying-agent' })
  broker.heartbeatMs = 50
  broker.onRequest = ({ attempt }) => (limitOf(attempt.action) === 1 ? 'approved' : undefined)
  await broker.start(scene.nats.url)
  const environment: AgentEnvironment = agentEnvironment(broker, scene.nats.url)
  // This one alone: what another one above or below it holds would show nothing.
  const env = {
    ...environment.env,
    OTEL_SDK_DISABLED: 'true',
    HOLDPOINT_ENABLED_INSTRUMENTATIONS: instrumentation.name,
  }
  const app = fileURLToPath(new URL('dying.ts', import.meta.url)).slice(ROOT.length)
  const processes = new Map(
    copies.map(({ name }) => [name, startAgent(app, env, { args: [framework, name] })] as const),
  )
  return {
    scene,
    spans,
    instrumentation,
    dying: { broker, processes },
    async stop() {
      for (const { child } of processes.values()) child.kill('SIGKILL')
      await Promise.all([...processes.values()].map(({ ended }) => ended))
      await scene.gate.stop()
      await broker.stop()
      await scene.stop()
      await spans.stop()
      environment.remove()
    },
  }
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const limitOf = (action: { arguments: unknown }): number => (action.arguments as Parameters).limit

/** One copy of the framework, under the gate, and what it does without one. */
export interface Stage<Sdk> extends House {
  driver: Driver<Sdk>
  sdk: Sdk
  copy: CopyName
  /** What the uncontrolled framework says of a tool that returns, that throws, that takes too long. */
  plain: { done: Settled; failed: Settled; late: Settled }
  run(turn: Turn): Promise<Settled>
  /** Waits until so many people's questions are open, since the test began. */
  opened(count?: number): Promise<ScriptedRequest[]>
}

/** A run that fails is an answer like another: it is compared. */
export type Settled = { outputs: Outputs } | { error: string }

export async function enterStage<Sdk>(
  house: House,
  driver: Driver<Sdk>,
  copy: Driver<Sdk>['copies'][number],
): Promise<Stage<Sdk>> {
  const sdk = await copy.load()
  const run = ({ tools, ...turn }: Turn) => settled(driver.run(sdk, { ...turn, tools: argumentsOnly(tools) }))
  const plain = {
    done: await run({ calls: [callOf(1)], tools: { export_customers: async () => EXPORTED } }),
    failed: await run({ calls: [callOf(1)], tools: { export_customers: fails } }),
    late: await run({ calls: [callOf(1)], tools: { export_customers: isLate }, toolTimeoutMs: TOO_SHORT_MS }),
  }

  // Somebody was here before us, and takes off what they put on after we came.
  const other = createOtherInstrumentation(driver.methods(sdk))
  other.wrap()
  const patch = (exports: object) =>
    house.instrumentation.patch(exports as Record<string, unknown>, house.scene.gate)
  const install = driver.install ?? ((exports) => patch(exports as object))
  install(sdk, patch)
  // A module that is loaded under two names is patched once.
  install(sdk, patch)
  other.unwrap()

  const { requests } = house.scene.broker
  const opened = (count = 1) =>
    vi.waitFor(
      () => {
        if (requests.length !== count) throw new Error(`${requests.length} requests, not ${count}`)
        return [...requests]
      },
      { timeout: 5_000, interval: 2 },
    )
  return { ...house, driver, sdk, copy: copy.name, plain, run, opened }
}

/** What frameworks hand to a tool besides its arguments is their affair. */
const argumentsOnly = (tools: Turn['tools']): Turn['tools'] =>
  Object.fromEntries(
    Object.entries(tools).map(([name, execute]) => [name, (given: Parameters) => execute(given)]),
  )

const settled = (run: Promise<Outputs>): Promise<Settled> =>
  run.then(
    (outputs) => ({ outputs }),
    (error: unknown) => ({ error: String(error) }),
  )

export const EXPORTED = 'exported 3 customers'
/** A tool's timeout, and how long one of its runs takes that is too long. */
export const TOO_SHORT_MS = 30
const TOO_LONG_MS = 90
export const fails = async (): Promise<string> => {
  throw new RangeError('disk full')
}
export const isLate = async (): Promise<string> => {
  await new Promise((resolve) => setTimeout(resolve, TOO_LONG_MS))
  return EXPORTED
}

/** Its arguments tell the calls of one turn apart also where a framework has no ids. */
export const callOf = (limit: number, name = 'export_customers', id = `call-${limit}`): ToolCall => ({
  id,
  name,
  arguments: { limit, region: 'Zürich – Ost “A” \u{1f512}', filter: { tags: ['b', 'a', ''] } },
})
