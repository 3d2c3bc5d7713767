import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  connectAs,
  createBroker,
  FILES,
  type Home,
  natsServerConfig,
  openHome,
  type PolicyChanges,
  parsePrincipal,
  provisionStreams,
  publishTrust,
  readKey,
  readKeySet,
  readPin,
  registerAgent,
  signPolicy,
} from '#broker'
import type { Action, Attempt, EnforcementKind } from '#contract'
import { createDesk, type Desk } from '#desk'
import {
  createDevelopmentIssuer,
  createIdentity,
  DEVELOPMENT_ISSUER,
  type DevelopmentIssuer,
  groupSpecifier,
  signInAs,
} from '#identity'
import {
  type Component,
  createLog,
  createNatsServer,
  createStack,
  type Log,
  type NatsServer,
  natsServerVersion,
  writeRunning,
} from '#runtime'
import { endOf, spawnBroker } from './broker-process.ts'
import { startCluster } from './cluster.ts'
import { fillHome } from './new-home.ts'
import { steadyPort } from './port.ts'
import { connectAgent, type TestAgent, testAgent } from './test-agent.ts'

export const EPOCH = 1
type Person = 'alice' | 'bob' | 'carol'
type Role = Parameters<typeof connectAs>[0]

/** A clock that tests move by hand. */
export interface Clock {
  now: () => number
  advance(ms: number): void
}

/** A whole installation on a real nats-server in operator mode, with a real sign-in and a broker. */
export interface House {
  home: Home
  natsUrl: string
  /** The server itself: stopped and started again, it is the same one at the same port. */
  nats: NatsServer
  clock: Clock
  desk: Desk
  log: Log
  /** Lines that the broker logged. */
  lines: string[]
  token(person: Person): string
  /** `url`: another way to the same server. */
  connect(role: Role, url?: string): Promise<NatsConnection>
  agent(
    agentId: string,
    options?: { owner?: Person; environment?: string; enforcement?: EnforcementKind },
  ): Promise<TestAgent>
  /** One that is registered already, such as Holdpoint's own. */
  knownAgent(agentId: string): Promise<TestAgent>
  /** Another broker beside the first, or one after it was stopped. */
  startBroker(): Promise<Component>
  broker(): Component
  /** A broker in a process of its own, so that it can be killed. */
  spawnBroker(env?: NodeJS.ProcessEnv): Promise<ChildProcess>
  publishPolicy(source: string): Promise<void>
  stop(): Promise<void>
}

export type { TestAgent }

export const POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
  validFor: 1h
groups:
  sre: [${groupSpecifier(DEVELOPMENT_ISSUER, 'sre')}]
  data-owners: [${groupSpecifier(DEVELOPMENT_ISSUER, 'data-owners')}]
  security-oncall: [${groupSpecifier(DEVELOPMENT_ISSUER, 'security-oncall')}]
rules:
  - { id: lookup, match: { kind: tool, name: "lookup_*" }, effect: allow }
  - { id: two-people, match: { kind: tool, name: wire_money }, effect: hold, approvals: { from: [sre], threshold: 2 } }
  - { id: secrets, match: { kind: tool, name: rotate_secret }, effect: hold, redact: [/arguments/password] }
  - { id: oncall, match: { kind: tool, name: page_oncall }, effect: hold, approvals: { from: [security-oncall] } }
  - { id: drop, match: { kind: tool, name: "drop_*" }, effect: deny, reason: Dropping is a change request. }
`

export interface HouseOptions {
  policy?: string
  heartbeatMs?: number
  /** How many requests that are over a broker keeps in memory. */
  keptRequests?: number
  /** How often brokers look at the settings of the ledger. */
  driftMs?: number
  /** Preset: one server; or a cluster in which every entry is on three. */
  nodes?: 1 | 3
  /** Without one, brokers are for the test to start. */
  broker?: boolean
  /** Preset: `signed`, so that `publishPolicy` is enough to change the policy. */
  policyChanges?: PolicyChanges
  /** Where brokers look for the identity provider's keys, if not where they are. */
  jwksUri?: string
}

export async function startHouse(options: HouseOptions = {}): Promise<House> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-house-'))
  const lines: string[] = []
  const log = createLog({
    name: 'test',
    level: 'debug',
    human: false,
    write: (line) => void lines.push(line),
  })
  const stack = createStack(log)
  let offsetMs = 0
  const clock: Clock = { now: () => Date.now() + offsetMs, advance: (ms) => (offsetMs += ms) }
  const { now } = clock

  const home = openHome(dir)
  const policyFile = join(dir, 'policy.yaml')
  await fillHome(dir, now())
  writeFileSync(policyFile, options.policy ?? POLICY)
  signPolicy(home, options.policy ?? POLICY, policyFile, now())
  const { nodes = 1 } = options
  const cluster = nodes === 3 ? await startCluster(home, join(dir, 'cluster'), log) : undefined
  const nats =
    cluster?.nodes[0] ??
    (await stack.start(
      createNatsServer({
        configText: natsServerConfig(home, natsServerVersion()),
        dir: join(dir, 'nats'),
        port: await steadyPort(),
        log,
      }),
    ))
  const connections: NatsConnection[] = []
  const keep = async (opening: Promise<NatsConnection>): Promise<NatsConnection> => {
    const nc = await opening
    connections.push(nc)
    return nc
  }
  const connectRole = (role: Role, url = nats.url) =>
    keep(connectAs(role, url, home.read(FILES.credentials(role))))
  const admin = await connectRole('admin')
  await provisionStreams(admin, EPOCH, nodes)
  await publishTrust(admin, home, now())
  const issuer = await stack.start(
    createDevelopmentIssuer({ dir: join(dir, 'people'), port: 0 }, { now, log }),
  )
  const tokens = await signEverybodyIn(issuer)

  const brokers: Component[] = []
  const startBroker = async (): Promise<Component> => {
    const broker = createBroker(
      {
        origin: readKeySet(home, now()).origin,
        pin: readPin(home),
        warrantKey: readKey(home, FILES.brokerKey),
        checkpointKey: readKey(home, FILES.ledgerKey),
        secret: Buffer.from(home.read(FILES.brokerSecret), 'base64url'),
        stateDir: home.path('data/broker'),
        // Whichever server the machine has: what a version is worth is tested by itself.
        anyServerVersion: true,
        replicas: nodes,
        sweepMs: 20,
        checkpointMs: 50,
        policyChanges: options.policyChanges ?? 'signed',
        ...(options.driftMs === undefined ? {} : { driftMs: options.driftMs }),
        ...(options.keptRequests === undefined ? {} : { keptRequests: options.keptRequests }),
        ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
      },
      {
        nc: await connectRole('broker'),
        agents: await connectRole('broker'),
        identity: createIdentity(
          { issuers: [{ ...issuer.trusted(), ...(options.jwksUri ? { jwksUri: options.jwksUri } : {}) }] },
          { now },
        ),
        now,
        log,
        onFailure: (error) => log.error('the broker failed', { error }),
      },
    )
    await broker.start()
    brokers.push(broker)
    return broker
  }
  if (options.broker !== false) await startBroker()
  writeRunning(dir, {
    pid: process.pid,
    nats: { url: nats.url },
    identity: { url: issuer.url() },
    clickhouse: { url: '', user: '', password: '', database: '' },
    otlp: { url: '' },
  })
  const knownAgent = async (agentId: string): Promise<TestAgent> => {
    const credentials = home.read(FILES.agentCredentials(agentId))
    return testAgent(agentId, await keep(connectAgent(nats.url, agentId, credentials)))
  }
  const children: ChildProcess[] = []

  return {
    home,
    natsUrl: nats.url,
    nats,
    clock,
    log,
    lines,
    desk: createDesk({ nc: await connectRole('desk') }),
    token: (person) => tokens[person],
    connect: connectRole,
    startBroker,
    broker: () => brokers.at(-1) as Component,
    async spawnBroker(env = {}) {
      const child = await spawnBroker(dir, nats.url, { HOLDPOINT_NATS_REPLICAS: String(nodes), ...env })
      children.push(child)
      return child
    },
    async agent(agentId, { owner = 'alice', environment = 'prod', enforcement = 'in-process' } = {}) {
      await registerAgent(
        home,
        { agentId, owner: parsePrincipal(owner, DEVELOPMENT_ISSUER), environment, enforcement },
        now(),
      )
      await publishTrust(admin, home, now())
      return knownAgent(agentId)
    },
    knownAgent,
    async publishPolicy(source) {
      signPolicy(home, source, 'policy.yaml', now())
      await publishTrust(admin, home, now())
    },
    async stop() {
      for (const child of children) await endOf(child)
      for (const broker of brokers) await broker.stop()
      await Promise.all(connections.map((nc) => nc.close()))
      await stack.stop()
      await cluster?.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function signEverybodyIn(issuer: DevelopmentIssuer): Promise<Record<Person, string>> {
  const { discoveryUrl = '' } = issuer.trusted()
  const passphrase = readFileSync(issuer.passphraseFile, 'utf8').trim()
  const signedIn = (['alice', 'bob', 'carol'] as const).map(
    async (person) => [person, (await signInAs(discoveryUrl, { person, passphrase })).idToken] as const,
  )
  return Object.fromEntries(await Promise.all(signedIn)) as Record<Person, string>
}

let attempts = 0

/** An action as an honest gate would send it; none is the same as one that somebody may have denied before. */
export const attemptOf = (action: Partial<Action> = {}, rest: Partial<Attempt> = {}): Attempt => ({
  attempt: randomBytes(8).toString('hex'),
  ...rest,
  action: {
    kind: 'tool',
    name: 'export_customers',
    arguments: { format: 'csv', rows: 1200, part: ++attempts },
    runtime: { serviceName: 'support', host: 'host-1' },
    trace: { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') },
    ...action,
  },
})
