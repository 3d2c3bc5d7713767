import { createGate, type Gate, type GateAttempt, type GateConfig } from '#gate'
import { startNats, type TestNats } from './nats.ts'
import { createScriptedBroker, type ScriptedBroker } from './scripted-broker.ts'

/** One rule for each effect, and one that is decided by its arguments. */
export const POLICY = `
holdpoint: 1
mode: { default: enforce, staging: observe }
defaults:
  effect: hold
  kinds: { http: allow }
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules:
  - id: lookup
    match: { kind: tool, name: "lookup_*" }
    effect: allow
  - id: small-refund
    match: { kind: tool, name: issue_refund }
    when: action.arguments.amount <= 50.0
    effect: allow
  - id: export
    match: { kind: tool, name: "export_*" }
    effect: hold
  - id: drop-database
    match: { kind: tool, name: "drop_*" }
    effect: deny
    reason: Dropping a database is a change request.
`

export interface Scene {
  nats: TestNats
  broker: ScriptedBroker
  gate: Gate
  config: GateConfig
  stop(): Promise<void>
}

/** A real nats-server, a scripted broker and a started gate. */
export async function startScene(
  options: {
    now?: () => number
    config?: Partial<GateConfig>
    policy?: string
    resources?: readonly string[]
  } = {},
): Promise<Scene> {
  const nats = await startNats()
  const { policy = POLICY, resources = [] } = options
  const broker = createScriptedBroker({ policy, resources })
  await broker.start(nats.url)
  const config = { ...configFor(broker, nats.url), ...options.config }
  const gate = createGate(config, { now: options.now ?? Date.now })
  await gate.start()
  return {
    nats,
    broker,
    gate,
    config,
    async stop() {
      await gate.stop()
      await broker.stop()
      await nats.stop()
    },
  }
}

export const configFor = (broker: ScriptedBroker, natsUrl: string): GateConfig => ({
  natsUrl,
  credentials: broker.credentials,
  agentId: broker.agentId,
  pin: broker.pin,
  serviceName: 'shop',
  serviceVersion: '1.2.3',
  host: 'test-host',
  requestTimeoutMs: 3_000,
})

let calls = 0
export const attempt = (more: Partial<GateAttempt> = {}): GateAttempt => ({
  kind: 'tool',
  name: 'export_customers',
  arguments: { region: 'eu', limit: 100 },
  attempt: `call-${++calls}`,
  ...more,
})
