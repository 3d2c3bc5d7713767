import { pause } from '../../support/pause.ts'
import type { Endpoint } from '../../support/pipeline-process.ts'
import { createRandom } from '../../support/random.ts'
import type { createActions } from './gated.ts'
import { keyOf, logs, metrics, type Signal, traces } from './payloads.ts'
import { sendGrpc, sendHttp } from './send.ts'

/** What a sender was told is taken. From then on it has to be stored, each item once. */
export interface Acknowledged {
  key: string
  signal: Signal
  items: number
}

export interface Load {
  acknowledged: readonly Acknowledged[]
  /** Requests that were well-formed, and refused for good. */
  problems: readonly string[]
  /** How often something had to be sent again. */
  sentAgain(): number
  /** Ends when every request that was begun has been acknowledged. */
  finish(): Promise<void>
}

/** The last of the senders speak gRPC. */
const GRPC_SENDERS = 1
const SHARE_OF_GATED = 0.05
/** Mostly small ones; some fill more than one message of NATS. */
const SIZES = [1, 20, 50, 100, 200, 400]
const LARGE = 12_000
const SHARE_OF_LARGE = 0.002

/** Each sends the next request as soon as it is rid of the one before, and never gives one up. */
export function startLoad(options: {
  endpoints: readonly Endpoint[]
  actions: ReturnType<typeof createActions>
  seed: number
  senders: number
}): Load {
  const { endpoints, actions, seed, senders } = options
  const acknowledged: Acknowledged[] = []
  const problems: string[] = []
  const finishing = new AbortController()
  let sentAgain = 0

  async function work(sender: number): Promise<void> {
    const random = createRandom(seed * senders + sender)
    const send = sender >= senders - GRPC_SENDERS ? sendGrpc : sendHttp
    for (let nth = 1; !finishing.signal.aborted; nth++) {
      const key = keyOf(sender + 1, nth)
      const { signal, items, body } = await requestOf(key, random, nth === 1)
      for (let tries = sender; ; tries++) {
        const answer = await send(endpoints[tries % endpoints.length] as Endpoint, signal, body)
        if (answer.is === 'taken') acknowledged.push({ key, signal, items })
        if (answer.is === 'refused') problems.push(`${key}: ${signal} was refused: ${answer.why}`)
        if (answer.is !== 'to be sent again') break
        sentAgain++
        await pause(answer.afterMs ?? 50 + random() * 100)
      }
    }
  }

  /** The first of each sender has an action in it, however short a campaign is. */
  async function requestOf(key: string, random: () => number, isFirst: boolean) {
    const content = { key, nowMs: Date.now(), items: sizeOf(random) }
    const signal = isFirst ? 'traces' : signalOf(random())
    if (signal === 'logs') return { signal, items: content.items, body: logs(content) }
    if (signal === 'metrics') return { signal, items: content.items, body: metrics(content) }
    const gated = isFirst || random() < SHARE_OF_GATED ? await actions.next(key) : undefined
    return { signal, items: content.items, body: traces(content, gated) }
  }

  const working = Array.from({ length: senders }, (_, sender) => work(sender))
  return {
    acknowledged,
    problems,
    sentAgain: () => sentAgain,
    async finish() {
      finishing.abort()
      await Promise.all(working)
    },
  }
}

function sizeOf(random: () => number): number {
  if (random() < SHARE_OF_LARGE) return LARGE
  return SIZES[Math.floor(random() * SIZES.length)] as number
}

const signalOf = (chance: number): Signal => (chance < 0.8 ? 'traces' : chance < 0.9 ? 'logs' : 'metrics')
