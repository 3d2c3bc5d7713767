import { type Attempt, agentSubject, encodeMessage } from '#contract'
import { attemptOf, type TestAgent } from '../../support/house.ts'
import { createRandom } from '../../support/random.ts'

/** One agent that asks for far more than anybody can judge, without waiting for an answer. */
export interface Flooder {
  /** Publishes so many more requests at once; resolves when each of them has its answer, or nothing comes any more. */
  wave(requests: number): Promise<void>
  counts: Counts
}

export interface Counts {
  sent: number
  /** Requests that people were asked about. */
  opened: number
  /** Looked at and refused. */
  refused: number
  /** Refused without being read. */
  unread: number
  /** Anything else. */
  other: number
}

const QUIET_MS = 3_000

export async function createFlooder(agent: TestAgent, seed: number): Promise<Flooder> {
  const counts: Counts = { sent: 0, opened: 0, refused: 0, unread: 0, other: 0 }
  const random = createRandom(seed)
  const subject = agentSubject(agent.id, 'request')
  let answered = 0
  let heardAt = performance.now()
  let wake = () => {}

  agent.nc.subscribe(`_INBOX.${agent.id}.flood`, {
    callback: (_, message) => {
      counts[kindOf(message.string())]++
      answered++
      heardAt = performance.now()
      if (answered === counts.sent) wake()
    },
  })
  await agent.nc.flush()

  /** Made before the first is sent: what is measured is the broker. */
  const callOf = (nth: number): string => {
    const letters = Array.from({ length: 40 }, () => String.fromCharCode(97 + Math.floor(random() * 26)))
    const attempt: Attempt = attemptOf({ arguments: { nth, text: letters.join('').repeat(20) } })
    return encodeMessage({ process: agent.process, attempt })
  }

  return {
    counts,
    async wave(requests) {
      const calls = Array.from({ length: requests }, (_, nth) => callOf(counts.sent + nth))
      counts.sent += requests
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      heardAt = performance.now()
      for (const call of calls) agent.nc.publish(subject, call, { reply: `_INBOX.${agent.id}.flood` })
      await agent.nc.flush()
      const giveUp = setInterval(() => performance.now() - heardAt > QUIET_MS && resolve(), 100)
      await promise
      clearInterval(giveUp)
    },
  }
}

function kindOf(reply: string): Exclude<keyof Counts, 'sent'> {
  const { status, code, error } = JSON.parse(reply) as {
    status?: string
    code?: string
    error?: { code: string }
  }
  if (error?.code === 'TOO_MANY') return 'unread'
  if (status === 'held') return 'opened'
  return code === 'TOO_MANY' ? 'refused' : 'other'
}
