import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { FILES } from '#broker'
import {
  agentSubject,
  type ConsumeCall,
  decodeReply,
  encodeMessage,
  HoldpointError,
  inboxPrefix,
} from '#contract'
import { claimOf, holdAction, newNonce, reviewAs } from '../../support/held.ts'
import { startHouse } from '../../support/house.ts'

const CONNECTIONS = 16
const ANSWERED_WITHIN_MS = 60_000

/**
 * One approval, and everybody who has the agent's credentials consumes it at once, through three brokers. One is told
 * that it was first, all others that somebody else was; and the winner, asking again, is told the same again.
 */
export async function raceConsumptions(nodes: 1 | 3, calls: number) {
  const house = await startHouse({ nodes })
  const connections: NatsConnection[] = []
  try {
    await house.startBroker()
    await house.startBroker()
    const agent = await house.agent('racing-agent')
    const credentials = house.home.read(FILES.agentCredentials('racing-agent'))
    for (let made = 0; made < CONNECTIONS; made++)
      connections.push(
        await connect({
          servers: house.natsUrl.split(','),
          authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
          inboxPrefix: inboxPrefix('racing-agent'),
        }),
      )
    const held = await holdAction(agent)
    await reviewAs(house, 'bob', held.requestId)
    const { requestId, actionDigest } = held
    const { trace } = held.attempt.action
    const consume = async (call: ConsumeCall, caller: number): Promise<string> => {
      const nc = connections[caller % CONNECTIONS] as NatsConnection
      const subject = agentSubject('racing-agent', 'consume')
      const reply = await nc.request(subject, encodeMessage(call), { timeout: ANSWERED_WITHIN_MS })
      try {
        decodeReply(reply.string())
        return 'won'
      } catch (error) {
        return error instanceof HoldpointError ? error.code : String(error)
      }
    }
    const all = Array.from({ length: calls }, () => ({ requestId, actionDigest, trace, nonce: newNonce() }))
    const answers = await Promise.all(all.map(consume))
    const winners = all.filter((_, caller) => answers[caller] === 'won')
    const wrong = answers.filter((answer) => answer !== 'won' && answer !== 'ALREADY_SPENT')
    const again = winners[0] ? await consume(winners[0], 1) : 'nobody won'
    const claimed = await claimOf(agent, requestId)
    const problems = [
      ...(winners.length === 1 ? [] : [`${winners.length} winners`]),
      ...wrong.map((answer) => `a loser was told ${answer}`),
      ...(again === 'won' ? [] : [`the winner, asking again, was told ${again}`]),
      ...(claimed.status === 'spent' ? [] : [`a claim of the spent approval is ${claimed.status}`]),
    ]
    return {
      n: calls,
      violations: problems.length,
      winners: winners.length,
      ...(problems.length > 0 ? { first: problems.slice(0, 3) } : {}),
    }
  } finally {
    await Promise.all(connections.map((nc) => nc.close()))
    await house.stop()
  }
}
