import type { Scheduler } from 'fast-check'
import { HoldpointError, type JsonValue, type RequestedEntry } from '#contract'
import type { Person } from '#identity'
import { loadPolicy } from '#policy'
import { agentHandlers, deskHandlers } from '../../../src/broker/calls/index.ts'
import { actionOf, createReplica, type Fault, ISSUER, type Replica } from './replica.ts'
import { PEOPLE, POLICY, type Step } from './steps.ts'
import { createStream, type Stream } from './stream.ts'

/** What somebody was told, as far as it has to agree with the ledger. */
export type Told =
  | { call: 'claim'; requestId: string; status: string }
  | { call: 'consume'; requestId: string; nonce: string }

export interface Played {
  stream: Stream
  told: Told[]
  replicas: Replica[]
  /** Errors that no caller should ever see. */
  broken: unknown[]
}

const policy = loadPolicy(POLICY, 1)
const people = new Map<string, Person>(
  PEOPLE.map((sub) => [
    sub,
    {
      iss: ISSUER,
      sub,
      name: sub,
      groups: [`oidc:${ISSUER}#sub/${sub}`],
      assurance: 'login',
      service: sub === 'bot',
    },
  ]),
)
const DAY_MS = 86_400_000

/** Plays the lanes on two brokers, in an order that the scheduler draws anew at every await, to the very end. */
export async function play(
  scheduler: Scheduler,
  lanes: Step[][],
  faults: Iterator<Fault>,
  stream = createStream(),
): Promise<Played> {
  let nowMs = 1_790_000_000_000
  let isOver = false
  const payloads = new Map<string, JsonValue>()
  const start = (): Replica =>
    createReplica({
      stream,
      scheduler,
      now: () => nowMs,
      policy,
      people,
      payloads,
      nextFault: () => (isOver ? 'none' : faults.next().value),
    })
  const replicas = [start(), start()]
  const all = [...replicas]
  const told: Told[] = []
  const broken: unknown[] = []

  async function run(step: Step): Promise<void> {
    if (step.do === 'wait') {
      nowMs += step.ms
      return
    }
    const replica = replicas[step.at] as Replica
    if (step.do === 'kill') {
      replica.kill()
      replicas[step.at] = start()
      all.push(replicas[step.at] as Replica)
      return
    }
    if (step.do === 'follow') return replica.follow()
    await Promise.race([call(step, replica), replica.killed])
  }

  async function call(step: Step, { context, sweep }: Replica): Promise<void> {
    if (step.do === 'sweep') return sweep()
    if (step.do === 'ask') {
      const attempt = { action: actionOf(step.name), attempt: String(step.attempt) }
      await agentHandlers.request.handle(step.agent, { process: 'process-1', attempt }, context)
      return
    }
    if (step.do === 'freeze' || step.do === 'thaw') {
      const { person: token, agent: agentId } = step
      const change = { token, agentId, frozen: step.do === 'freeze', channel: 'api' }
      await deskHandlers.freeze.handle(change, context)
      return
    }
    if (!('request' in step)) return
    const known = requestsOf(stream)
    const request = known[step.request % Math.max(1, known.length)]
    if (!request) return
    const { requestId, actionDigest, renderHash, agent } = request
    switch (step.do) {
      case 'review': {
        const answer = { token: step.person, requestId, verdict: step.verdict, renderHash, channel: 'api' }
        await deskHandlers.review.handle(answer, context)
        return
      }
      case 'claim': {
        const reply = await agentHandlers.claim.handle(agent.sub, { requestId }, context)
        told.push({ call: 'claim', requestId, status: (reply as { status: string }).status })
        return
      }
      case 'consume': {
        const nonce = `nonce-${step.nonce}`.padEnd(20, '-')
        const { trace } = request
        await agentHandlers.consume.handle(agent.sub, { requestId, actionDigest, nonce, trace }, context)
        told.push({ call: 'consume', requestId, nonce })
        return
      }
      case 'outcome': {
        const nonce = 'nonce-0'.padEnd(20, '-')
        await agentHandlers.outcome.handle(agent.sub, { requestId, nonce, outcome: 'executed' }, context)
        return
      }
      case 'cancel':
        await agentHandlers.cancel.handle(agent.sub, { requestId }, context)
        return
      case 'take back':
        await deskHandlers.cancel.handle({ token: step.person, requestId, channel: 'api' }, context)
        return
      case 'revoke':
        await deskHandlers.revoke.handle({ token: step.person, requestId, channel: 'api' }, context)
    }
  }

  /** A refusal is an answer; anything else is a fault of ours. */
  const guarded = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      if (!(error instanceof HoldpointError) || error.code === 'INTERNAL') broken.push(error)
    })

  async function follow(lane: Step[]): Promise<void> {
    for (const step of lane) {
      await scheduler.schedule(Promise.resolve(), step.do)
      await guarded(run(step))
    }
  }

  for (const lane of lanes) void follow(lane)
  await scheduler.waitIdle()

  // Everybody has left. Whatever is open comes to an end all the same, through a broker that has just started.
  isOver = true
  const last = start()
  all.push(last)
  while (stream.leaves.length > last.next()) last.follow()
  for (let turn = 0; turn < 4; turn++) {
    nowMs += DAY_MS
    void guarded(last.sweep())
    await scheduler.waitIdle()
  }
  for (const replica of all)
    while (replica.isAlive() && replica.next() < stream.leaves.length) replica.follow()
  return { stream, told, replicas: all.filter(({ isAlive }) => isAlive()), broken }
}

export const requestsOf = ({ leaves }: Stream): RequestedEntry[] =>
  leaves.flatMap(({ entry }) => (entry.type === 'requested' ? [entry] : []))
