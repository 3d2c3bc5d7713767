import { jetstreamManager } from '@nats-io/jetstream'
import {
  agentSubject,
  channelSubject,
  decodeReply,
  digestBytes,
  digestJson,
  encodeMessage,
  ledgerStream,
  type Verdict,
} from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { claimOf, consumeOf, type Held, holdAction, newNonce, reviewAs } from '../../support/held.ts'
import { attemptOf, EPOCH, type TestAgent } from '../../support/house.ts'
import { tokenOf } from '../../support/token.ts'
import { type Attack, refusedWith } from './attack.ts'
import {
  approvedOnly,
  assurance,
  card,
  chatGroups,
  chatIsChat,
  facts,
  group,
  nonce,
  noService,
  outcomeNonce,
  own,
  ownIds,
  ownInbox,
  ownWork,
  sameAction,
  span,
  spender,
} from './broker-guards.ts'
import type { Scenes } from './scenes.ts'

const THEFT = 'warrant theft and replay'
const SELF = 'self-approval, second account, bot'
const CHAT = 'Slack forgery, replay, guests'
const STALE_BUTTON = 'stale chat buttons that approve a different, newer call (mastra #19633)'

const attack = (
  name: string,
  threat: string,
  guard: Attack['guard'],
  run: Attack['run'],
  enforcementPoint: Attack['enforcementPoint'] = 'broker',
): Attack => ({ name, threat, enforcementPoint, guard, run })

/** A request that waits, of an agent of its own. */
async function waiting(
  scenes: Scenes,
  name = 'export_customers',
  owner: 'alice' | 'bob' = 'alice',
  rest = {},
) {
  const agent = await scenes.agent(owner)
  return { agent, held: await holdAction(agent, attemptOf({ name }, rest)) }
}
async function approved(scenes: Scenes): Promise<{ agent: TestAgent; held: Held }> {
  const { agent, held } = await waiting(scenes)
  await reviewAs(await scenes.house(), 'bob', held.requestId)
  return { agent, held }
}
const reviewWith = async (scenes: Scenes, requestId: string, token: string, renderHash?: string) => {
  const { desk } = await scenes.house()
  const shown = renderHash ?? (await desk.show(token, requestId)).renderHash
  return desk.review({
    requestId,
    verdict: 'approve',
    renderHash: shown as `sha-256:${string}`,
    channel: 'cli',
    token,
  })
}
async function chatReview(scenes: Scenes, name: string, sub: string, verdict: Verdict = 'approve') {
  const house = await scenes.house()
  const { held } = await waiting(scenes, name)
  const { renderHash } = await house.desk.show(house.token('bob'), held.requestId)
  const nc = await house.connect('channel')
  const call = {
    requestId: held.requestId,
    verdict,
    renderHash,
    channel: 'slack',
    reviewer: { iss: DEVELOPMENT_ISSUER, sub, name: sub },
    evidence: digestBytes('a click'),
  }
  return decodeReply(
    (await nc.request(channelSubject('review'), encodeMessage(call), { timeout: 5_000 })).string(),
  )
}

export const brokerAttacks: readonly Attack[] = [
  attack('another agent claims an approval', THEFT, own, async (scenes) => {
    const { held } = await approved(scenes)
    return refusedWith(claimOf(await scenes.agent(), held.requestId), 'UNKNOWN_REQUEST')
  }),
  attack('another agent consumes an approval', THEFT, spender, async (scenes) => {
    const { held } = await approved(scenes)
    return refusedWith(consumeOf(await scenes.agent(), held), 'UNKNOWN_REQUEST')
  }),
  attack('another agent takes a request back', THEFT, own, async (scenes) => {
    const { held } = await waiting(scenes)
    return refusedWith(
      (await scenes.agent()).call('cancel', { requestId: held.requestId }),
      'UNKNOWN_REQUEST',
    )
  }),
  attack('the owner approves', SELF, ownWork, async (scenes) => {
    const { held } = await waiting(scenes, 'export_customers', 'bob')
    return refusedWith(reviewAs(await scenes.house(), 'bob', held.requestId), 'SELF_APPROVAL')
  }),
  attack('the person acted for approves', SELF, ownWork, async (scenes) => {
    const house = await scenes.house()
    const onBehalfOf = [await tokenOf(house.home, { sub: 'bob' })]
    const { held } = await waiting(scenes, 'export_customers', 'alice', { onBehalfOf })
    return refusedWith(reviewAs(house, 'bob', held.requestId), 'SELF_APPROVAL')
  }),
  attack('a delegator approves', SELF, ownWork, async (scenes) => {
    const house = await scenes.house()
    const onBehalfOf = [await tokenOf(house.home, { sub: 'dana', act: { sub: 'bob' } })]
    const { held } = await waiting(scenes, 'export_customers', 'alice', { onBehalfOf })
    return refusedWith(reviewAs(house, 'bob', held.requestId), 'SELF_APPROVAL')
  }),
  attack('somebody outside the group approves', SELF, group, async (scenes) => {
    const { held } = await waiting(scenes, 'export_customers', 'bob')
    return refusedWith(reviewAs(await scenes.house(), 'alice', held.requestId), 'NOT_A_REVIEWER')
  }),
  attack('a service account with the right group approves', SELF, noService, async (scenes) => {
    const { home } = await scenes.house()
    const { held } = await waiting(scenes)
    const bot = await tokenOf(home, { sub: 'ci', groups: ['sre'], preferred_username: 'service-account-ci' })
    return refusedWith(reviewWith(scenes, held.requestId, bot), 'NOT_A_REVIEWER')
  }),
  attack(
    'a sign-in approves what takes a stronger one',
    'identity by e-mail (nOAuth)',
    assurance,
    async (scenes) => {
      const { held } = await waiting(scenes, 'step_up')
      return refusedWith(reviewAs(await scenes.house(), 'bob', held.requestId), 'ASSURANCE_TOO_LOW')
    },
  ),
  attack(
    'a chat click releases what takes a sign-in',
    CHAT,
    chatIsChat,
    (scenes) => refusedWith(chatReview(scenes, 'named_export', 'bob'), 'ASSURANCE_TOO_LOW'),
    'channel',
  ),
  attack(
    'a stranger in a chat',
    CHAT,
    chatGroups,
    (scenes) => refusedWith(chatReview(scenes, 'chat_export', 'mallory'), 'NOT_A_REVIEWER'),
    'channel',
  ),
  attack(
    'a guest of the chat under a colleague’s name',
    CHAT,
    chatGroups,
    (scenes) => refusedWith(chatReview(scenes, 'chat_export', 'bob-guest'), 'NOT_A_REVIEWER'),
    'channel',
  ),
  attack('a review that quotes an older card', STALE_BUTTON, card, async (scenes) => {
    const house = await scenes.house()
    const [older, newer] = [await waiting(scenes), await waiting(scenes)]
    const { renderHash } = await house.desk.show(house.token('bob'), older.held.requestId)
    return refusedWith(
      reviewWith(scenes, newer.held.requestId, house.token('bob'), renderHash),
      'CARD_MISMATCH',
    )
  }),
  attack(
    'a review of what nobody was shown',
    'the approver shown arguments from before a rewrite (pydantic-ai #6968)',
    card,
    async (scenes) => {
      const { held } = await waiting(scenes)
      const token = (await scenes.house()).token('bob')
      return refusedWith(reviewWith(scenes, held.requestId, token, digestJson('made up')), 'CARD_MISMATCH')
    },
  ),
  attack(
    'an approval used for other arguments',
    'whitespace in argv (CVE-2026-32065)',
    sameAction,
    async (scenes) => {
      const { agent, held } = await approved(scenes)
      return refusedWith(
        consumeOf(agent, { ...held, actionDigest: digestJson('another') }),
        'WARRANT_MISMATCH',
      )
    },
  ),
  attack(
    'a denied call that runs after a resume',
    'declined calls that run after a resume (mastra #20487, langchain #40491)',
    approvedOnly,
    async (scenes) => {
      const { agent, held } = await waiting(scenes)
      await reviewAs(await scenes.house(), 'bob', held.requestId, 'deny')
      return refusedWith(consumeOf(agent, held), 'APPROVAL_DENIED')
    },
  ),
  attack(
    'a call that nobody has answered yet',
    'executes unapproved (openclaw #78415)',
    approvedOnly,
    async (scenes) => {
      const { agent, held } = await waiting(scenes)
      return refusedWith(consumeOf(agent, held), 'APPROVAL_DENIED')
    },
  ),
  attack('an approval consumed twice', THEFT, nonce, async (scenes) => {
    const { agent, held } = await approved(scenes)
    await consumeOf(agent, held)
    return refusedWith(consumeOf(agent, held), 'ALREADY_SPENT')
  }),
  attack('one consumption for two spans', 'forged span attributes', span, async (scenes) => {
    const { agent, held } = await approved(scenes)
    const { requestId, actionDigest, attempt } = held
    const once = { requestId, actionDigest, nonce: newNonce(), trace: attempt.action.trace }
    await agent.call('consume', once)
    const other = { ...once, trace: { ...once.trace, spanId: 'f'.repeat(16) } }
    return refusedWith(agent.call('consume', other), 'ALREADY_SPENT')
  }),
  attack(
    'an outcome from whoever did not consume',
    'forged span attributes',
    outcomeNonce,
    async (scenes) => {
      const { agent, held } = await approved(scenes)
      await consumeOf(agent, held)
      const forged = { requestId: held.requestId, nonce: newNonce(), outcome: 'failed' }
      return refusedWith(agent.call('outcome', forged), 'ALREADY_SPENT')
    },
  ),
  attack('the same attempt from another agent', THEFT, ownIds, async (scenes) => {
    const { held } = await approved(scenes)
    const other = await holdAction(await scenes.agent(), held.attempt)
    return other.requestId === held.requestId ? 'it shares the other agent’s request' : undefined
  }),
  attack(
    'a fact in the broker’s name',
    'the agent narrates a lie on its own approval prompt (Lies-in-the-Loop)',
    facts,
    async (scenes) => {
      const house = await scenes.house()
      const { held } = await waiting(scenes, 'export_customers', 'alice', {
        facts: [{ name: 'estimated_rows', value: 1, source: 'broker' }],
      })
      const { card: shown } = await house.desk.show(house.token('bob'), held.requestId)
      const lie = shown.facts.find(({ name }) => name === 'estimated_rows')
      return lie?.source === 'agent' ? undefined : `the card says that it is the word of the ${lie?.source}`
    },
  ),
  attack('a call whose answer goes into the ledger', 'log injection', ownInbox, async (scenes) => {
    const house = await scenes.house()
    const agent = await scenes.agent()
    const reply = `hp.v1.ledger.${EPOCH}.req.1-forged.decided`
    agent.nc.publish(agentSubject(agent.id, 'hello'), encodeMessage({ process: agent.process }), { reply })
    await agent.call('hello', { process: agent.process }).catch(() => {})
    const { streams } = await jetstreamManager(await house.connect('admin'))
    const written = await streams.getMessage(ledgerStream(EPOCH), { last_by_subj: reply })
    return written ? 'the ledger holds what an agent chose' : undefined
  }),
]
