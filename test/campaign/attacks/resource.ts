import { PAYOUT } from '../../gate/resource-scene.ts'
import { consumeOf, type Held, holdAction, reviewAs } from '../../support/held.ts'
import { attemptOf } from '../../support/house.ts'
import { type Attack, guardIn, refusedWith } from './attack.ts'
import { spender } from './broker-guards.ts'
import type { Scenes } from './scenes.ts'

const inRequester = guardIn('src/broker/request/requester.ts')
const DEPUTY = 'an approval of one place used at another (confused deputy)'
const NEVER = 'if (false as boolean)'

const registered = inRequester(
  'resource-registered',
  'An approval that an agent spends under the name of a resource.',
  "if (known?.enforcement !== 'resource' || name === POLICY_AGENT)",
  'if (known === undefined)',
)
const environment = inRequester(
  'resource-environment',
  'What rules for staging release is done in production.',
  'if (known.environment !== environment)',
  NEVER,
)
const received = guardIn('src/gate/resource-verify.ts')(
  'resource-digest',
  'A warrant for other arguments than were received.',
  'actionDigest: digestOf(held),',
  'actionDigest: genuine.authorization_details[0].action_digest,',
  // The broker's word for the consumption is for the same digest.
  [
    {
      file: 'src/warrant/claims.ts',
      find: "same('consume answer: action_digest', claims.action_digest, expected.actionDigest)",
      replace: '',
    },
  ],
)
const copied = guardIn('src/gate/resource.ts')(
  'resource-frozen-arguments',
  'Arguments that change after they were verified.',
  'arguments: freezeJson(takeArguments({ kind, name, ...given }).value),',
  'arguments: given.arguments as never,',
)
const once = guardIn('src/gate/resource-release.ts')(
  'release-once',
  'One approval, run twice at a resource.',
  "if (!begin()) throw new HoldpointError('ALREADY_SPENT')",
)

const attack = (
  name: string,
  threat: string,
  guard: Attack['guard'],
  run: Attack['run'],
  enforcementPoint: Attack['enforcementPoint'] = 'broker',
): Attack => ({ name, threat, enforcementPoint, guard, run })

/** Asked for by an agent of its own, in production, at the resource of that name. */
async function askAt(scenes: Scenes, resource: string) {
  const agent = await scenes.agent()
  return { agent, held: await holdAction(agent, attemptOf({}, { resource })) }
}
const heldAt = async (scenes: Scenes, resource: string): Promise<Held> => (await askAt(scenes, resource)).held

async function approvedAt(scenes: Scenes): Promise<Awaited<ReturnType<typeof askAt>>> {
  const house = await scenes.house()
  await house.agent('attacked-resource', { enforcement: 'resource' })
  const asked = await askAt(scenes, 'attacked-resource')
  await reviewAs(house, 'bob', asked.held.requestId)
  return asked
}
const spendAs = async (caller: Parameters<typeof consumeOf>[0], held: Held) =>
  refusedWith(consumeOf(caller, held), 'UNKNOWN_REQUEST')

export const resourceAttacks: readonly Attack[] = [
  attack(
    'an agent spends what a resource is to spend',
    'warrant theft and replay',
    spender,
    async (scenes) => {
      const { agent, held } = await approvedAt(scenes)
      return spendAs(agent, held)
    },
  ),
  attack('another resource spends it', DEPUTY, spender, async (scenes) => {
    const other = await (await scenes.house()).agent('other-resource', { enforcement: 'resource' })
    return spendAs(other, (await approvedAt(scenes)).held)
  }),
  attack('an agent that is named as a resource', DEPUTY, registered, async (scenes) => {
    const { id } = await scenes.agent()
    return refusedWith(heldAt(scenes, id), 'INVALID_INPUT')
  }),
  attack('a resource of staging, named in production', DEPUTY, environment, async (scenes) => {
    await (await scenes.house()).agent('staging-resource', {
      enforcement: 'resource',
      environment: 'staging',
    })
    return refusedWith(heldAt(scenes, 'staging-resource'), 'INVALID_INPUT')
  }),
  attack(
    'a warrant shown for other arguments',
    'the approver shown arguments from before a rewrite (pydantic-ai #6968)',
    received,
    async (scenes) => {
      const { billing, proofFor } = await scenes.resource()
      const answer = await billing.verifyWarrant(await proofFor(), { ...PAYOUT, arguments: { amount: 1e6 } })
      return answer.ok ? `it released ${JSON.stringify(answer.release.action.arguments)}` : undefined
    },
    'resource',
  ),
  attack(
    'a request that changes while its warrant is verified',
    'a script rewritten while its request is pending (openclaw #124738)',
    copied,
    async (scenes) => {
      const { billing, proofFor } = await scenes.resource()
      const given = { amount: 250 }
      const action = { ...PAYOUT, arguments: given }
      const answer = await billing.verifyWarrant(await proofFor(action), action)
      if (!answer.ok) return `it was refused with ${answer.refusal.code}`
      given.amount = 1e6
      const { amount } = await answer.release.run((approved) => approved as { amount: number })
      return amount === 250 ? undefined : `it ran with ${amount}`
    },
    'resource',
  ),
  attack(
    'a release run twice',
    'warrant theft and replay',
    once,
    async (scenes) => {
      const { billing, proofFor, verified } = await scenes.resource()
      const release = await verified(await proofFor(), PAYOUT, billing)
      let runs = 0
      for (const _ of ['once', 'again']) await release.run(() => void runs++).catch(() => {})
      return runs > 1 ? 'it ran twice' : undefined
    },
    'resource',
  ),
]
