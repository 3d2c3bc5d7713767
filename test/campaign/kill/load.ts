import { FILES, readPin } from '#broker'
import { HoldpointError, type Verdict } from '#contract'
import { createGate, type Gate } from '#gate'
import type { House } from '../../support/house.ts'
import { createRandom } from '../../support/random.ts'
import { FAST_POLICY_NAMES, TWO_PEOPLE } from './policy.ts'
import type { Acknowledged, Witness } from './witness.ts'

const AGENTS = 3
const LOOK_EVERY_MS = 50

export interface Ran {
  requestId: string
  atMs: number
}

/** Agents with real gates that hold one action after another, and two people who answer whatever waits. */
export interface Load {
  /** Every execution of a tool. */
  ran: Ran[]
  /** Refusals by their code. */
  refused: Record<string, number>
  /** Ends when every action under way has been answered; people go on answering. */
  finish(): Promise<void>
  stop(): Promise<void>
}

export async function startLoad(
  house: House,
  witness: Witness,
  options: { seed: number; workers: number },
): Promise<Load> {
  const gates = await startGates(house, witness)
  const ran: Ran[] = []
  const refused: Record<string, number> = {}
  const finishing = new AbortController()
  const stopping = new AbortController()

  async function work(worker: number): Promise<void> {
    const gate = gates[worker % AGENTS] as Gate
    const random = createRandom(options.seed * options.workers + worker)
    for (let job = 0; !finishing.signal.aborted; job++) {
      const name = FAST_POLICY_NAMES[Math.floor(random() * FAST_POLICY_NAMES.length)] as string
      const asked = await gate.ask({
        kind: 'tool',
        name,
        arguments: { worker, job },
        attempt: `${worker}-${job}`,
      })
      if (!asked.permitted) {
        refused[asked.refusal.code] = (refused[asked.refusal.code] ?? 0) + 1
        // Whoever cannot be heard is asked again in a moment, as a patient agent would.
        await pause(20)
        continue
      }
      await asked.run(async () => {
        ran.push({ requestId: asked.requestId ?? '', atMs: Date.now() })
        await pause(random() * 5)
      })
    }
  }

  const workers = Array.from({ length: options.workers }, (_, worker) => work(worker))
  const people = (['bob', 'carol'] as const).map((person) =>
    answerAll(house, person, witness, stopping.signal),
  )
  return {
    ran,
    refused,
    async finish() {
      finishing.abort()
      await Promise.all(workers)
    },
    async stop() {
      stopping.abort()
      await Promise.all(people)
      await Promise.all(gates.map((gate) => gate.stop()))
    },
  }
}

async function startGates(house: House, { connect }: Witness): Promise<Gate[]> {
  const gates: Gate[] = []
  for (let number = 0; number < AGENTS; number++) {
    const agentId = `agent-${number}`
    await (await house.agent(agentId)).nc.close()
    const gate = createGate(
      {
        natsUrl: house.natsUrl,
        credentials: house.home.read(FILES.agentCredentials(agentId)),
        agentId,
        pin: readPin(house.home),
        serviceName: 'kill',
        host: 'campaign',
      },
      { now: Date.now, connect },
    )
    await gate.start()
    gates.push(gate)
  }
  return gates
}

/**
 * Bob answers everything, Carol what takes two: nobody else makes good what a dead broker left undone. Every fifth
 * request is denied, by its id, so that two people say the same; all others are approved. A question that was under way when its broker died is answered by nobody: meanwhile the next ones are asked.
 */
async function answerAll(
  house: House,
  person: 'bob' | 'carol',
  { acknowledged }: Witness,
  signal: AbortSignal,
): Promise<void> {
  const token = house.token(person)
  const busy = new Set<string>()
  const answer = async (requestId: string): Promise<void> => {
    busy.add(requestId)
    const verdict: Verdict = Number.parseInt(requestId.slice(-1), 36) % 5 === 0 ? 'deny' : 'approve'
    acknowledged.push(...(await answerOne(house, token, requestId, verdict)))
    busy.delete(requestId)
  }
  const look = async (): Promise<void> => {
    try {
      const { requests } = await house.desk.list(token)
      const mine = requests.filter(({ rule }) => person === 'bob' || rule === TWO_PEOPLE)
      const fresh = mine.filter(({ requestId }) => !busy.has(requestId))
      await Promise.all(fresh.map(({ requestId }) => answer(requestId)))
    } catch {
      // Nobody serves at this moment: they look again.
    }
  }
  while (!signal.aborted) {
    void look()
    await pause(LOOK_EVERY_MS)
  }
}

async function answerOne(
  house: House,
  token: string,
  requestId: string,
  verdict: Verdict,
): Promise<Acknowledged[]> {
  try {
    const { renderHash, mayReview } = await house.desk.show(token, requestId)
    if (!mayReview.ok) return []
    const { state } = await house.desk.review({ requestId, verdict, renderHash, channel: 'cli', token })
    const atMs = Date.now()
    return [
      { what: 'review', requestId, atMs },
      ...(state === 'pending' ? [] : [{ what: 'decided', requestId, atMs } as const]),
    ]
  } catch (error) {
    // Somebody else was quicker, or nobody answered: whether it was taken, the ledger will say.
    if (error instanceof HoldpointError) return []
    throw error
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
