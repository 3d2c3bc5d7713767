import type { RequestReply } from '#contract'
import { attemptOf, type TestAgent } from '../../support/house.ts'

export interface Cycle {
  /** Of a request, until it is written and answered. */
  ms: number
  /** How much of the flood was worked on while a question waited that takes no work at all. */
  overtakenBy: number
  /** Undefined where it was answered as it should be. */
  problem?: string
}

/** What an agent does that floods nobody: says hello, asks for one thing, and takes it back. */
export async function cycle(agent: TestAgent, workedOn: () => number): Promise<Cycle> {
  const { process } = agent
  const before = workedOn()
  let overtakenBy = 0
  let startedAt = performance.now()
  try {
    await agent.call('hello', { process })
    overtakenBy = workedOn() - before
    startedAt = performance.now()
    const reply = await agent.call<RequestReply>('request', { process, attempt: attemptOf() })
    const ms = performance.now() - startedAt
    if (reply.status !== 'held') return { ms, overtakenBy, problem: `${agent.id}: ${JSON.stringify(reply)}` }
    await agent.call('cancel', { requestId: reply.requestId })
    return { ms, overtakenBy }
  } catch (error) {
    const ms = performance.now() - startedAt
    return { ms, overtakenBy, problem: `${agent.id}: ${(error as Error).message}` }
  }
}

/** One after the other, until it is over. */
export async function cycles(
  agent: TestAgent,
  workedOn: () => number,
  isOver: (done: number) => boolean,
): Promise<Cycle[]> {
  const done: Cycle[] = []
  while (!isOver(done.length)) done.push(await cycle(agent, workedOn))
  return done
}
