import { randomBytes } from 'node:crypto'
import { diag } from '@opentelemetry/api'
import { HoldpointError, parseJson } from '#contract'
import type { Trust } from '#warrant'
import { type Authority, createAuthorities } from './authority.ts'
import { type Connect, type Connection, createConnection } from './connection.ts'
import type { Freeze } from './freeze.ts'
import { pause, remember } from './pause.ts'
import { heartbeatReplyShape, helloReplyShape, hintShape, readReply } from './replies.ts'
import type { GateConfig } from './types.ts'
import type { Waiting } from './wait.ts'

/** This process' standing with the broker: says hello, keeps what it was told current, proves that it lives. */
export interface Session {
  /** Random; the broker keeps a held request alive as long as this process sends heartbeats. */
  process: string
  connection: Connection
  trust: Trust
  start(): void
  stop(): Promise<void>
  /** What to rule by now. */
  authority(): Authority | undefined
  /** The same, waited for; undefined when the signal fires. Throws BROKER_UNAVAILABLE or POLICY_UNAVAILABLE. */
  authoritySoon(timeoutMs: number, signal?: AbortSignal): Promise<Authority | undefined>
  /** The broker goes by newer documents: until they are here and verified, everything is held. */
  outdated(): void
  /** There may be news; what is verified stays until they are here. */
  greetAgain(): void
}

export type SessionConfig = Pick<
  GateConfig,
  'natsUrl' | 'credentials' | 'agentId' | 'pin' | 'requestTimeoutMs'
>

interface SessionDeps {
  now: () => number
  connect?: Connect | undefined
  waiting: Waiting
  freeze: Freeze
}

const HELLO_AGAIN_MS = 1_000
const HEARTBEAT_TIMEOUT_MS = 2_000
/** What says nothing about the documents. */
const NO_ANSWER: ReadonlySet<string> = new Set([
  'TOO_MANY',
  'BROKER_UNAVAILABLE',
  'LEDGER_UNAVAILABLE',
  'UNAVAILABLE',
  'INTERNAL',
])
/** So many hellos or heartbeats without an answer, and the line counts as dead although nobody has closed it. */
const DEAD_AFTER = 3

export function createSession(config: SessionConfig, deps: SessionDeps): Session {
  const { now, waiting, freeze } = deps
  const process = randomBytes(16).toString('base64url')
  const timeoutMs = config.requestTimeoutMs ?? 5_000
  const authorities = createAuthorities(config, deps)
  const verified = remember<Authority>()
  const stopping = new AbortController()
  let refused: HoldpointError | undefined
  let helloWanted = false
  let isGreeting = false
  let isBeating = false

  const connection = createConnection(config, {
    connect: deps.connect,
    onUp: () => {
      sayHello()
      // What was decided while the line was down was hinted at to nobody.
      waiting.wakeAll()
    },
    onHint: (text) => {
      const hint = readHint(text)
      if (hint?.hint === 'trust') sayHello()
      if (hint?.hint === 'settled') waiting.wake(hint.requestId)
    },
  })

  function authority(): Authority | undefined {
    const current = verified.get()
    if (current === undefined || stopping.signal.aborted) return undefined
    return now() < current.expiresAtMs ? current : undefined
  }

  /** One at a time: however often it is wished for meanwhile, one more follows. */
  function sayHello(): void {
    helloWanted = true
    if (!isGreeting) void greet()
  }

  async function greet(): Promise<void> {
    isGreeting = true
    let unanswered = 0
    while (helloWanted && !stopping.signal.aborted && connection.isUp()) {
      helloWanted = false
      try {
        const answer = await connection.call('hello', { process }, timeoutMs)
        const reply = readReply(helloReplyShape, answer, 'hello')
        // Before all else, for it only refuses more; that it is over, only an answer says that can be verified.
        if (reply.frozen !== undefined) freeze.set(reply.frozen)
        verified.set(await authorities.read(reply, verified.get()))
        freeze.set(reply.frozen)
        refused = undefined
        if (!isBeating) void beat()
      } catch (error) {
        lose(error)
        helloWanted = true
        if (isSilence(error) && ++unanswered % DEAD_AFTER === 0) connection.renew()
        await pause(HELLO_AGAIN_MS, { signal: stopping.signal })
      }
    }
    isGreeting = false
  }

  function lose(error: unknown): void {
    if (error instanceof HoldpointError && NO_ANSWER.has(error.code))
      diag.warn('holdpoint: the broker did not say hello; what is verified stays until it expires', error)
    else forgetAll(error)
  }

  /** Whoever answers with what cannot be verified is not the broker, or has lost its mind: hold everything. */
  function forgetAll(error: unknown): void {
    diag.error('holdpoint: the broker shows no policy that can be verified; everything is held', error)
    verified.forget()
    refused = new HoldpointError('POLICY_UNAVAILABLE', undefined, { cause: error })
    verified.giveUp()
  }

  async function beat(): Promise<void> {
    isBeating = true
    let unanswered = 0
    let everyMs = 0
    while (!stopping.signal.aborted) {
      everyMs = verified.get()?.heartbeatMs ?? everyMs
      await pause(everyMs, { signal: stopping.signal })
      if (stopping.signal.aborted || !connection.isUp()) continue
      try {
        const call = { process, waiting: waiting.requestIds().slice(0, 10_000) }
        const answer = await connection.call('heartbeat', call, Math.min(timeoutMs, HEARTBEAT_TIMEOUT_MS))
        const reply = readReply(heartbeatReplyShape, answer, 'heartbeat')
        const { settled, policyVersion, keySetVersion, frozen } = reply
        unanswered = 0
        if (frozen !== undefined) freeze.set(frozen)
        for (const requestId of settled) waiting.wake(requestId)
        const known = authority()
        const isNews =
          known === undefined || policyVersion > known.policyVersion || keySetVersion > known.keySetVersion
        const isThawed = frozen === undefined && freeze.get() !== undefined
        if (isNews || isThawed) sayHello()
      } catch (error) {
        diag.debug('holdpoint: a heartbeat was not answered', error)
        if (isSilence(error) && ++unanswered % DEAD_AFTER === 0) connection.renew()
      }
    }
  }

  return {
    process,
    connection,
    trust: authorities.trust,
    start: connection.start,
    async stop() {
      stopping.abort()
      // A stopped gate hears of no newer policy: it holds everything.
      verified.forget()
      await connection.stop()
    },
    authority,
    outdated() {
      verified.forget()
      sayHello()
    },
    greetAgain: sayHello,
    async authoritySoon(withinMs, signal) {
      const isExpired = verified.get() !== undefined
      if (isExpired) sayHello()
      else if (refused === undefined) await verified.soon(withinMs, signal)
      const current = authority()
      if (current !== undefined || signal?.aborted) return current
      throw refused ?? new HoldpointError(isExpired ? 'POLICY_UNAVAILABLE' : 'BROKER_UNAVAILABLE')
    },
  }
}

/** A broker that refuses has answered: its line is a good one. */
const isSilence = (error: unknown): boolean =>
  error instanceof HoldpointError && error.code === 'BROKER_UNAVAILABLE'

function readHint(text: string) {
  try {
    return readReply(hintShape, parseJson(text), 'a hint')
  } catch {
    // Anybody who may write to this inbox can send anything; a hint is only ever a hint.
    return undefined
  }
}
