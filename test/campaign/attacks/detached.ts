import type { RequestReply } from '#contract'
import type { PendingApproval, ResumeOptions } from '#gate'
import { attempt } from '../../support/gate-scene.ts'
import { type Held, newNonce, reviewAs } from '../../support/held.ts'
import { attemptOf } from '../../support/house.ts'
import { type Attack, guardIn, refusedWith } from './attack.ts'
import type { Scenes } from './scenes.ts'

const inGoOn = guardIn('src/gate/go-on.ts')
const RESUMED = 'declined calls that run after a resume (mastra #20487, langchain #40491)'
const LIES = 'the agent narrates a lie on its own approval prompt (Lies-in-the-Loop)'

const asked = guardIn('src/gate/ask-only.ts')(
  'detached-is-what-was-asked',
  'People are asked about another action than will be resumed.',
  'checkSameAction(actionDigest, { requestId, salt, action, requester })',
)
const record = inGoOn(
  'record-is-what-was-asked',
  'A record that was changed in its store.',
  'checkSameAction(approval.actionDigest, { ...approval, requester })',
)
const carried = inGoOn(
  'resumption-carries-nothing-else',
  'An approval that is run and never spent.',
  '...carried(options)',
  '...options',
)
const copied = inGoOn(
  'resumed-arguments-frozen',
  'Arguments that change after their digest was compared.',
  'arguments: freezeJson(action.arguments)',
  'arguments: action.arguments',
)
const doubtHere = guardIn('src/gate/rule.ts')(
  'doubt-at-the-gate',
  'What is doubted runs because its name is allowed.',
  'doubt === undefined ? ruling : withDoubt(ruling)',
  'ruling',
)
const doubtThere = guardIn('src/broker/calls/request.ts')(
  'doubt-at-the-broker',
  'What is doubted is allowed without asking people.',
  'doubt === undefined ? ruling : withDoubt(ruling)',
  'ruling',
)
const runner = guardIn('src/broker/calls/consume.ts')(
  'consume-names-its-process',
  'What was begun and never ended is never found out.',
  'if (process === undefined && (',
  'if ((false as boolean) && (',
)

const attack = (
  name: string,
  threat: string,
  guard: Attack['guard'],
  run: Attack['run'],
  enforcementPoint: Attack['enforcementPoint'] = 'in-process gate',
): Attack => ({ name, threat, enforcementPoint, guard, run })

/** What nobody waits for, as its record lies in somebody's store. */
async function recorded(scenes: Scenes, isApproved = true): Promise<PendingApproval> {
  const { broker, gate } = await scenes.gate()
  if (isApproved) broker.onRequest = () => 'approved'
  try {
    const answer = await gate.request(attempt({ arguments: { limit: 1 } }))
    if (answer.status !== 'pending') throw new Error(`it was ${answer.status}`)
    return JSON.parse(JSON.stringify(answer.approval))
  } finally {
    broker.onRequest = () => undefined
  }
}

export const detachedAttacks: readonly Attack[] = [
  attack('people are asked about another action than will be resumed', LIES, asked, async (scenes) => {
    const { broker, gate } = await scenes.gate()
    broker.intercept = ({ name }, honest) =>
      name === 'request' ? { ...honest, actionDigest: `sha-256:${'0'.repeat(64)}` } : honest
    try {
      const answer = await gate.request(attempt())
      return answer.status === 'pending' ? 'it would go on with something else' : undefined
    } finally {
      broker.intercept = (_call, honest) => honest
    }
  }),
  attack('a record that was changed in its store', RESUMED, record, async (scenes) => {
    const { gate } = await scenes.gate()
    const approval = await recorded(scenes, false)
    const changed = { ...approval, action: { ...approval.action, arguments: { limit: 1e6 } } }
    const answer = await gate.resume(changed)
    return 'pending' in answer ? 'it waits for an answer to something else' : undefined
  }),
  attack(
    'a resumption that leaves its approval unspent',
    'warrant theft and replay',
    carried,
    async (scenes) => {
      const { gate } = await scenes.gate()
      const approval = await recorded(scenes)
      let runs = 0
      for (const _ of ['once', 'again']) {
        const answer = await gate.resume(approval, { resource: 'billing' } as ResumeOptions)
        if (answer.permitted) await answer.run(() => void runs++)
      }
      return runs > 1 ? 'one approval ran twice' : undefined
    },
  ),
  attack(
    'a record that changes while its approval is spent',
    'a script rewritten while its request is pending (openclaw #124738)',
    copied,
    async (scenes) => {
      const { gate } = await scenes.gate()
      const approval = await recorded(scenes)
      const answer = await gate.resume(approval)
      if (!answer.permitted) return 'it was not permitted'
      Object.assign(approval.action.arguments as object, { limit: 1e6 })
      const { limit } = await answer.run((approved) => approved as { limit: number })
      return limit === 1 ? undefined : `it ran with ${limit}`
    },
  ),
  attack(
    'a tool under an allowed name that is not the one it was',
    'approval by name only (MCPoison, CVE-2025-54136)',
    doubtHere,
    async (scenes) => {
      const { broker, gate } = await scenes.gate()
      broker.onRequest = () => 'denied'
      try {
        const doubted = attempt({ name: 'lookup_customer', doubt: 'Its schema has changed.' })
        return (await gate.hold(doubted, () => 'ran')).ran ? 'the tool ran unasked' : undefined
      } finally {
        broker.onRequest = () => undefined
      }
    },
  ),
  attack(
    'a doubt that does not reach people',
    'approval by name only (MCPoison, CVE-2025-54136)',
    doubtThere,
    async (scenes) => {
      const agent = await scenes.agent()
      const doubted = { ...attemptOf({ name: 'lookup_customer' }), doubt: 'Its schema has changed.' }
      const { status } = await agent.call<RequestReply>('request', {
        process: agent.process,
        attempt: doubted,
      })
      return status === 'allowed' ? 'the broker allowed it' : undefined
    },
    'broker',
  ),
  attack(
    'an approval spent by a process that nobody knows',
    'a tool whose end is hidden',
    runner,
    async (scenes) => {
      const agent = await scenes.agent()
      const detached = attemptOf()
      const held = await agent.call<Held>('request', { attempt: detached })
      await reviewAs(await scenes.house(), 'bob', held.requestId)
      const { requestId, actionDigest } = held
      const call = { requestId, actionDigest, nonce: newNonce(), trace: detached.action.trace }
      return refusedWith(agent.call('consume', call), 'INVALID_INPUT')
    },
    'broker',
  ),
]
