import { randomBytes } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type ClaimReply,
  type ConsumeReply,
  type DeskCall,
  decodeReply,
  deskSubject,
  encodeMessage,
  type RequestReply,
  type ReviewReply,
  type ShowReply,
} from '#contract'
import { attemptOf, type House, POLICY, type TestAgent } from '../../support/house.ts'

/** The house's policy, with quotas that a benchmark does not use up. */
export const ROOMY = `${POLICY}
quotas: { pending: 100000, perMinute: 100000, denialsPerHour: 1000 }
`

export interface Cycles {
  agents: readonly TestAgent[]
  /** Runs `count` of them, `atOnce` side by side. Resolves to the milliseconds that each took. */
  run(count: number, atOnce: number): Promise<number[]>
  stop(): void
}

const AGENTS = 16
const HEARTBEAT_MS = 3_000

/** What agents and reviewers do, on connections of their own; the agents live for as long as it runs. */
export async function createCycles(house: House): Promise<Cycles> {
  const agents: TestAgent[] = []
  for (let nth = 0; nth < AGENTS; nth++) agents.push(await house.agent(`bench-${nth}`))
  const desk = await house.connect('desk')
  const beat = setInterval(() => {
    for (const agent of agents)
      void agent.call('heartbeat', { process: agent.process, waiting: [] }).catch(() => {})
  }, HEARTBEAT_MS)

  async function run(count: number, atOnce: number): Promise<number[]> {
    const times: number[] = []
    let begun = 0
    const work = async (): Promise<void> => {
      while (begun < count) {
        const agent = agents[begun++ % AGENTS] as TestAgent
        const startedAt = performance.now()
        await cycle(agent, desk, house.token('bob'))
        times.push(performance.now() - startedAt)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    return times
  }

  return { agents, run, stop: () => clearInterval(beat) }
}

/** Asked, shown, approved, claimed with its warrant, consumed, executed: every call that a gate and a desk make. */
async function cycle(agent: TestAgent, desk: NatsConnection, token: string): Promise<void> {
  const attempt = attemptOf()
  const held = await agent.call<RequestReply>('request', { process: agent.process, attempt })
  if (held.status !== 'held') throw new Error(`not held: ${JSON.stringify(held)}`)
  const { requestId, actionDigest } = held
  const { renderHash } = await ask<ShowReply>(desk, 'show', { token, requestId })
  const review = { token, requestId, verdict: 'approve', renderHash, channel: 'api' }
  const { state } = await ask<ReviewReply>(desk, 'review', review)
  if (state !== 'approved') throw new Error(`not approved: ${state}`)
  const claimed = await agent.call<ClaimReply>('claim', { requestId })
  if (claimed.status !== 'approved') throw new Error(`no warrant: ${JSON.stringify(claimed)}`)
  const nonce = randomBytes(16).toString('base64url')
  await agent.call<ConsumeReply>('consume', { requestId, actionDigest, nonce, trace: attempt.action.trace })
  await agent.call('outcome', { requestId, nonce, outcome: 'executed' })
}

async function ask<Reply>(desk: NatsConnection, call: DeskCall, value: object): Promise<Reply> {
  const message = await desk.request(deskSubject(call), encodeMessage(value), { timeout: 10_000 })
  return decodeReply(message.string()) as Reply
}
