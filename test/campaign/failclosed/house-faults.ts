import { jetstreamManager } from '@nats-io/jetstream'
import { FILES, readPin } from '#broker'
import { ledgerStream, PAYLOAD_KEY_STREAM, PAYLOAD_STREAM, TRUST_STREAM } from '#contract'
import { createGate } from '#gate'
import { reviewAs } from '../../support/held.ts'
import { EPOCH, type House, POLICY, startHouse } from '../../support/house.ts'
import { standStill } from '../../support/stand-still.ts'
import { type Fault, pause, type Seen, worksWithin } from './fault.ts'
import { type Keys, startKeys } from './keys.ts'

interface HouseScene {
  house: House
  keys: Keys
}
type HouseFault = Fault<HouseScene>

const WORKS_WITHIN_MS = 45_000
const DAY_MS = 86_400_000
const SHORT_POLICY = POLICY.replace('timeout: 15m', 'timeout: 3s')
const NOBODY = ['APPROVAL_EXPIRED', 'APPROVAL_CANCELLED']
const NO_LEDGER = [...NOBODY, 'BROKER_UNAVAILABLE', 'LEDGER_UNAVAILABLE', 'INTERNAL', 'UNAVAILABLE']

const at = (
  dependency: HouseFault['dependency'],
  fault: string,
  codes: readonly string[],
  begin: HouseFault['begin'],
): HouseFault => ({
  dependency,
  fault,
  enforcementPoint: 'broker',
  codes,
  begin,
})

const keysAre =
  (answer: Keys['answer']): HouseFault['begin'] =>
  async ({ keys }) => {
    keys.answer = answer
    return () => {
      keys.answer = 'keys'
    }
  }
const clockIs =
  (ms: number): HouseFault['begin'] =>
  async ({ house: { clock } }) => {
    clock.advance(ms)
    return () => void clock.advance(-ms)
  }
const full =
  (stream: string): HouseFault['begin'] =>
  async ({ house }) => {
    const { streams } = await jetstreamManager(await house.connect('admin'))
    const { config, state } = await streams.info(stream)
    await streams.update(stream, { ...config, max_bytes: Math.max(1, state.bytes) })
    return async () => void (await streams.update(stream, { ...config, max_bytes: -1 }))
  }

export const houseFaults: readonly HouseFault[] = [
  at('NATS', 'down', NO_LEDGER, async ({ house }) => {
    await house.nats.stop()
    return () => house.nats.start()
  }),
  at('NATS', 'killed', NO_LEDGER, async ({ house }) => {
    process.kill(house.nats.pid, 'SIGKILL')
    await house.nats.stop()
    return () => house.nats.start()
  }),
  at('NATS', 'stands still', NO_LEDGER, async ({ house }) => {
    await standStill(house.nats.pid)
    return () => void process.kill(house.nats.pid, 'SIGCONT')
  }),
  at('ledger', 'full', NO_LEDGER, full(ledgerStream(EPOCH))),
  at('payload store', 'full', NO_LEDGER, full(PAYLOAD_STREAM)),
  at('payload store', 'erased', [...NO_LEDGER, 'NOT_FOUND', 'ERASED'], async ({ house }) => {
    const { streams } = await jetstreamManager(await house.connect('admin'))
    const over = new AbortController()
    const erasing = (async () => {
      while (!over.signal.aborted) {
        const { state } = await streams.info(PAYLOAD_KEY_STREAM)
        for (let seq = state.first_seq; seq <= state.last_seq; seq++)
          await streams.deleteMessage(PAYLOAD_KEY_STREAM, seq).catch(() => {})
        await pause(2)
      }
    })()
    return async () => {
      over.abort()
      await erasing
    }
  }),
  at('broker', 'down', NO_LEDGER, async ({ house }) => {
    await house.broker().stop()
    return async () => void (await house.startBroker())
  }),
  at('identity provider', 'down', NOBODY, keysAre('closed')),
  at('identity provider', 'slow', NOBODY, keysAre('silence')),
  at('identity provider', 'an error', NOBODY, keysAre('error')),
  at('identity provider', 'garbage', NOBODY, keysAre('garbage')),
  at('identity provider', 'other keys', NOBODY, keysAre('others')),
  at(
    'clock',
    'the broker’s is ten minutes ahead',
    [...NOBODY, 'WARRANT_MISMATCH', 'STALE', 'UNTRUSTED'],
    clockIs(600_000),
  ),
  at(
    'clock',
    'the broker’s is ten minutes behind',
    [...NOBODY, 'WARRANT_MISMATCH', 'STALE', 'UNTRUSTED', 'UNKNOWN_AGENT', 'POLICY_UNAVAILABLE'],
    clockIs(-600_000),
  ),
  at('policy', 'expired', [...NOBODY, 'POLICY_UNAVAILABLE', 'UNKNOWN_AGENT'], clockIs(400 * DAY_MS)),
  at('policy', 'missing', [...NOBODY, 'POLICY_UNAVAILABLE'], async ({ house }) => {
    const { streams } = await jetstreamManager(await house.connect('admin'))
    await house.broker().stop()
    await streams.purge(TRUST_STREAM, { filter: 'hp.v1.trust.policy.>' })
    await house.startBroker()
    return () => house.publishPolicy(SHORT_POLICY)
  }),
  at('ledger', 'taken away', NO_LEDGER, async ({ house }) => {
    const { streams } = await jetstreamManager(await house.connect('admin'))
    await streams.delete(ledgerStream(EPOCH))
    return undefined
  }),
]

/** A real broker, a real gate, and a person who approves whatever they are asked. */
export async function seeAtBroker(fault: HouseFault): Promise<Seen> {
  const keys = await startKeys()
  const house = await startHouse({ policy: SHORT_POLICY, jwksUri: keys.url, heartbeatMs: 500 })
  await keys.behind(house.home.dir)
  await (await house.agent('careful-agent')).nc.close()
  const credentials = house.home.read(FILES.agentCredentials('careful-agent'))
  const gate = createGate(
    {
      natsUrl: house.natsUrl,
      credentials,
      agentId: 'careful-agent',
      pin: readPin(house.home),
      serviceName: 'failclosed',
      host: 'campaign',
      requestTimeoutMs: 3_000,
    },
    { now: Date.now },
  )
  await gate.start()
  const over = new AbortController()
  const person = approveAll(house, over.signal)
  let executions = 0
  const hold = () =>
    gate.hold({ kind: 'tool', name: 'export_customers', arguments: { row: 1 } }, () => void executions++)
  let end: (() => Promise<void> | void) | undefined
  try {
    // Keys that are known already would be used for minutes: nobody signs in before this fault.
    if (fault.dependency !== 'identity provider') {
      const before = await hold()
      if (!before.ran) throw new Error(`refused before the fault: ${before.refusal.message}`)
      executions = 0
    }
    end = await fault.begin({ house, keys })
    const startedAtMs = performance.now()
    const held = await hold()
    const tookMs = performance.now() - startedAtMs
    const seen = { executions, code: held.ran ? '' : held.refusal.code, tookMs }
    if (end === undefined) return { ...seen, worksAgain: !(await hold()).ran }
    await end()
    end = undefined
    return { ...seen, worksAgain: await worksWithin(WORKS_WITHIN_MS, async () => (await hold()).ran) }
  } finally {
    await end?.()
    over.abort()
    await person
    await gate.stop()
    await house.stop()
    await keys.stop()
  }
}

/** Bob answers what waits, and does not wait himself for an answer that does not come. */
async function approveAll(house: House, signal: AbortSignal): Promise<void> {
  const look = async (): Promise<void> => {
    const { requests } = await house.desk.list(house.token('bob'))
    await Promise.all(requests.map(({ requestId }) => reviewAs(house, 'bob', requestId)))
  }
  const looks = new Set<Promise<void>>()
  while (!signal.aborted) {
    if (looks.size < MOST_LOOKS) {
      // Whatever is the matter with the house, he looks again.
      const looking = look().catch(() => {})
      looks.add(looking)
      void looking.finally(() => looks.delete(looking))
    }
    await pause(50)
  }
}
const MOST_LOOKS = 50
