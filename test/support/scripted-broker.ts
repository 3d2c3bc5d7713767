import { randomBytes, randomUUID } from 'node:crypto'
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node'
import {
  type AgentCall,
  type Attempt,
  agentHints,
  agentIdOf,
  cancelCallShape,
  claimCallShape,
  consumeCallShape,
  type Decision,
  decodeCall,
  encodeMessage,
  errorReply,
  HoldpointError,
  heartbeatCallShape,
  helloCallShape,
  type OutcomeCall,
  outcomeCallShape,
  type Principal,
  type Requester,
  requestCallShape,
  type TraceRef,
  TYP,
  type WarrantClaims,
} from '#contract'
// A gate loads it with its first policy; here it is there before any clock runs.
import '#policy'
import { formatPin } from '#warrant'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { userCredentials } from './credentials.ts'
import { consumedClaims, digestOf, warrantClaims } from './scripted-claims.ts'

/** One request as this broker keeps it. */
export interface ScriptedRequest {
  requestId: string
  /** Absent where nobody waits for it. */
  process?: string | undefined
  attempt: Attempt
  salt: string
  requester: Requester
  state: 'pending' | Decision | 'consumed'
  reason?: string
  expiresAtMs: number
}

type Call = { name: AgentCall; body: Record<string, unknown>; agentId: string }
/** Sees the honest answer of one call and returns what is sent instead; undefined is silence. */
type Intercept = (call: Call, honest: Record<string, unknown>) => object | string | undefined

export interface ScriptedBroker {
  readonly agentId: string
  readonly pin: string
  readonly credentials: string
  readonly origin: string
  readonly keys: { organisation: PrivateKey; broker: PrivateKey; policy: PrivateKey; registry: PrivateKey }
  readonly calls: Call[]
  readonly requests: ScriptedRequest[]
  readonly outcomes: OutcomeCall[]
  readonly approver: Principal & { name: string }
  /** Decides requests as they open; undefined leaves them pending. */
  onRequest: (request: ScriptedRequest) => Exclude<Decision, 'cancelled'> | undefined
  /** What this broker sends instead of the truth. */
  intercept: Intercept
  /** Whether waiting processes are told. */
  hints: boolean
  heartbeatMs: number
  timeoutMs: number
  decide(request: ScriptedRequest, decision: Decision, reason?: string): void
  publishPolicy(source: string, version: number, expiresInS?: number): void
  /** Preset: the agent's; or those of one of the resources. */
  documents(agentId?: string): { keySet: string; policy: string; registration: string }
  /** From now on another key signs warrants, and everybody is told. */
  rotate(): void
  /** For the span that asked, or for the one that has said it will run it. */
  warrantFor(request: ScriptedRequest, trace?: TraceRef): WarrantClaims
  start(natsUrl: string): Promise<void>
  stop(): Promise<void>
}

/** A broker without a memory that outlives it: honest, and really signing, until a test makes it lie. */
export function createScriptedBroker(options: {
  policy: string
  agentId?: string
  /** What is registered beside the agent, to verify and to spend for itself. */
  resources?: readonly string[]
}): ScriptedBroker {
  const origin = 'test.example/holdpoint'
  const agentId = options.agentId ?? 'shop-agent'
  const newKey = () => loadKey(generateKey().seed)
  const keys = { organisation: newKey(), broker: newKey(), policy: newKey(), registry: newKey() }
  const iat = Math.floor(Date.now() / 1000)
  let policyVersion = 1
  let policyJws = ''
  let nc: NatsConnection | undefined

  let keySetVersion = 1
  const signKeySet = () =>
    signDocument(
      TYP.keySet,
      {
        v: 1,
        origin,
        version: keySetVersion,
        iat,
        exp: iat + 86_400,
        keys: (['broker', 'policy', 'registry'] as const).map((use) => ({
          use,
          kid: keys[use].kid,
          x: keys[use].x,
        })),
      },
      keys.organisation,
    )
  let keySet = signKeySet()
  const registered = {
    v: 1,
    version: 1,
    iat,
    agent: { iss: origin, sub: agentId, name: 'Shop agent' },
    owner: { iss: 'https://idp.example.com', sub: 'olga' },
    environment: 'prod',
    enforcement: 'in-process',
  } as const
  const registrationOfResource = (sub: string) => ({
    ...registered,
    agent: { iss: origin, sub, name: sub },
    enforcement: 'resource',
  })
  const registrations = new Map([
    [agentId, signDocument(TYP.registration, registered, keys.registry)],
    ...(options.resources ?? []).map(
      (id) => [id, signDocument(TYP.registration, registrationOfResource(id), keys.registry)] as const,
    ),
  ])
  const hintAll = () => {
    if (!broker.hints) return
    for (const id of registrations.keys()) nc?.publish(agentHints(id), encodeMessage({ hint: 'trust' }))
  }

  const broker: ScriptedBroker = {
    agentId,
    pin: formatPin(keys.organisation.x),
    credentials: userCredentials(),
    origin,
    keys,
    calls: [],
    requests: [],
    outcomes: [],
    approver: { iss: 'https://idp.example.com', sub: 'rosa', name: 'Rosa Reviewer' },
    onRequest: () => undefined,
    intercept: (_call, honest) => honest,
    hints: true,
    heartbeatMs: 60_000,
    timeoutMs: 60_000,
    decide(request, decision, reason) {
      request.state = decision
      if (reason !== undefined) request.reason = reason
      if (broker.hints)
        nc?.publish(agentHints(agentId), encodeMessage({ hint: 'settled', requestId: request.requestId }))
    },
    publishPolicy(source, version, expiresInS = 86_400) {
      policyVersion = version
      const exp = Math.floor(Date.now() / 1000) + expiresInS
      policyJws = signDocument(TYP.policy, { v: 1, origin, version, iat, exp, source }, keys.policy)
      hintAll()
    },
    documents: (id = agentId) => ({ keySet, policy: policyJws, registration: registrations.get(id) ?? '' }),
    rotate() {
      keySetVersion += 1
      keys.broker = newKey()
      keySet = signKeySet()
      hintAll()
    },
    warrantFor: (request, trace = request.attempt.action.trace) => warrantClaims(request, trace, broker),
    async start(natsUrl) {
      nc = await connect({ servers: natsUrl })
      nc.subscribe('hp.v1.agent.*.*', { callback: (_error, message) => answer(message) })
      await nc.flush()
    },
    async stop() {
      await nc?.close()
      nc = undefined
    },
  }

  function answer(message: Msg): void {
    const name = message.subject.split('.').at(-1) as AgentCall
    const caller = agentIdOf(message.subject)
    if (!registrations.has(caller)) return
    const body = JSON.parse(message.string()) as Record<string, unknown>
    const call = { name, body, agentId: caller }
    broker.calls.push(call)
    let honest: Record<string, unknown>
    try {
      honest = handlers[name](message.string(), caller)
    } catch (error) {
      honest = { ...errorReply(error) }
    }
    const sent = broker.intercept(call, honest)
    if (sent !== undefined) message.respond(typeof sent === 'string' ? sent : encodeMessage(sent))
  }

  const find = (requestId: string): ScriptedRequest => {
    const request = broker.requests.find((one) => one.requestId === requestId)
    if (request === undefined) throw new HoldpointError('UNKNOWN_REQUEST')
    return request
  }

  /** Whoever is to spend it, and nobody else. */
  const findToSpend = (requestId: string, caller: string): ScriptedRequest => {
    const request = find(requestId)
    if ((request.attempt.resource ?? agentId) !== caller) throw new HoldpointError('UNKNOWN_REQUEST')
    return request
  }

  const handlers: Record<AgentCall, (data: string, caller: string) => Record<string, unknown>> = {
    hello(data, caller) {
      decodeCall(helloCallShape, data, 'hello')
      return { ...broker.documents(caller), ledgerTimeMs: Date.now(), heartbeatMs: broker.heartbeatMs }
    },
    request(data) {
      const { process, attempt } = decodeCall(requestCallShape, data, 'request')
      const { agent, owner, environment } = registered
      const requester: Requester = {
        agent,
        owner,
        environment,
        enforcement:
          attempt.resource === undefined ? `in-process:${agentId}` : `resource:${attempt.resource}`,
        onBehalfOf: [],
      }
      const request: ScriptedRequest = {
        requestId: `1-${randomUUID()}`,
        process,
        attempt,
        salt: randomBytes(16).toString('base64url'),
        requester,
        state: 'pending',
        expiresAtMs: Date.now() + broker.timeoutMs,
      }
      broker.requests.push(request)
      const { requestId, salt, expiresAtMs } = request
      const decision = broker.onRequest(request)
      if (decision !== undefined) broker.decide(request, decision)
      return { status: 'held', requestId, salt, actionDigest: digestOf(request), onBehalfOf: [], expiresAtMs }
    },
    claim(data) {
      const { requestId, trace } = decodeCall(claimCallShape, data, 'claim')
      const request = find(requestId)
      if (request.state === 'pending') return { status: 'pending' }
      if (request.state === 'consumed') return { status: 'spent', code: 'ALREADY_SPENT' }
      if (request.state === 'approved')
        return {
          status: 'approved',
          warrant: signDocument(TYP.warrant, broker.warrantFor(request, trace), keys.broker),
        }
      const by =
        request.state === 'denied' ? [{ ...broker.approver, channel: 'cli', assurance: 'login' }] : []
      return {
        status: request.state,
        by,
        ...(request.reason === undefined ? {} : { reason: request.reason }),
      }
    },
    consume(data, caller) {
      const call = decodeCall(consumeCallShape, data, 'consume')
      const request = findToSpend(call.requestId, caller)
      if (request.state !== 'approved') throw new HoldpointError('ALREADY_SPENT')
      request.state = 'consumed'
      return { consumed: signDocument(TYP.consumed, consumedClaims(request, call, origin), keys.broker) }
    },
    outcome(data) {
      broker.outcomes.push(decodeCall(outcomeCallShape, data, 'outcome'))
      return {}
    },
    cancel(data) {
      const request = find(decodeCall(cancelCallShape, data, 'cancel').requestId)
      if (request.state === 'pending') request.state = 'cancelled'
      return {}
    },
    heartbeat(data) {
      const { waiting } = decodeCall(heartbeatCallShape, data, 'heartbeat')
      const settled = waiting.filter((requestId) => find(requestId).state !== 'pending')
      return { settled, policyVersion, keySetVersion }
    },
  }

  broker.publishPolicy(options.policy, 1)
  return broker
}
