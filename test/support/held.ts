import { randomBytes } from 'node:crypto'
import {
  type Attempt,
  type ClaimReply,
  type ConsumeReply,
  HoldpointError,
  type RequestReply,
  type Verdict,
} from '#contract'
import { attemptOf, type House, type TestAgent } from './house.ts'

export type Held = Extract<RequestReply, { status: 'held' }> & { attempt: Attempt }

/** Requests an action that policy holds. */
export async function holdAction(agent: TestAgent, attempt: Attempt = attemptOf()): Promise<Held> {
  const reply = await agent.call<RequestReply>('request', { process: agent.process, attempt })
  if (reply.status !== 'held') throw new Error(`expected held, got ${JSON.stringify(reply)}`)
  return { ...reply, attempt }
}

/** A review that quotes the card as it is. */
export async function reviewAs(
  house: House,
  person: 'alice' | 'bob' | 'carol',
  requestId: string,
  verdict: Verdict = 'approve',
  reason?: string,
) {
  const token = house.token(person)
  const { renderHash } = await house.desk.show(token, requestId)
  return house.desk.review({
    requestId,
    verdict,
    renderHash,
    channel: 'cli',
    token,
    ...(reason === undefined ? {} : { reason }),
  })
}

export const claimOf = (agent: TestAgent, requestId: string): Promise<ClaimReply> =>
  agent.call('claim', { requestId })

export const newNonce = (): string => randomBytes(16).toString('base64url')

export const consumeOf = (agent: TestAgent, held: Held, nonce = newNonce()): Promise<ConsumeReply> =>
  agent.call('consume', {
    requestId: held.requestId,
    actionDigest: held.actionDigest,
    nonce,
    trace: held.attempt.action.trace,
    process: agent.process,
  })

/** The code with which something was refused; fails where it was not. */
export async function codeOf(refused: Promise<unknown>): Promise<string> {
  try {
    const value = await refused
    throw new Error(`expected a refusal, got ${JSON.stringify(value)}`)
  } catch (error) {
    if (error instanceof HoldpointError) return error.code
    throw error
  }
}

/** Waits for what the broker does by itself, looking often and giving up loudly. */
export async function eventually<T>(look: () => Promise<T>, isThere: (value: T) => boolean): Promise<T> {
  const giveUpAt = performance.now() + 5_000
  for (;;) {
    const value = await look()
    if (isThere(value)) return value
    if (performance.now() > giveUpAt) throw new Error(`did not come: last seen ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
