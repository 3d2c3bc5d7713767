import type { NatsConnection } from '@nats-io/transport-node'
import { createRandom } from '../../support/random.ts'

/** A line that loses some writes on their way, and some answers on theirs: whoever wrote hears nothing either way. */
export function loseSome(
  nc: NatsConnection,
  options: { seed: number; lost: (what: 'write' | 'answer') => void },
): NatsConnection {
  const random = createRandom(options.seed)
  const request: NatsConnection['request'] = async (subject, payload, opts) => {
    const chance = random()
    const isWrite = subject.startsWith('hp.v1.ledger.')
    if (isWrite && chance < WRITES_LOST) {
      options.lost('write')
      throw new Error('timeout')
    }
    const answer = await nc.request(subject, payload, opts)
    if (!isWrite || chance >= WRITES_LOST + ANSWERS_LOST) return answer
    options.lost('answer')
    throw new Error('timeout')
  }
  return new Proxy(nc, {
    get(target, name) {
      if (name === 'request') return request
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const WRITES_LOST = 0.05
const ANSWERS_LOST = 0.1
