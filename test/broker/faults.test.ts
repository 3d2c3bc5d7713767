import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FILES, provisionStreams, publishTrust, readKey } from '#broker'
import {
  agentSubject,
  CHECKPOINT_STREAM,
  digestBytes,
  encodeEntry,
  encodeMessage,
  type LedgerEntry,
  ledgerSubject,
  type ReviewEntry,
  TRUST_STREAM,
  trustSubject,
  type Verdict,
} from '#contract'
import { createPeople } from '#policy'
import { decideByReviews } from '../../src/broker/arrows/decide.ts'
import { createCheckpoints } from '../../src/broker/history/checkpoints.ts'
import { reviewerHash } from '../../src/broker/request/request-payload.ts'
import { createLeases } from '../../src/broker/state/leases.ts'
import { createRequests, type Request } from '../../src/broker/state/requests.ts'
import { claimOf, codeOf, consumeOf, eventually, type Held, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeLog } from '../support/log.ts'
import { replacePolicyKey } from '../support/policy-key.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse({ heartbeatMs: 1_000 })
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

const MINUTE = 60_000
const _stateOf = async (requestId: string) =>
  (await house.desk.show(house.token('bob'), requestId)).summary.state

async function reviewEntry(held: Held, sub: string, verdict: Verdict): Promise<ReviewEntry> {
  const { renderHash } = await house.desk.show(house.token('bob'), held.requestId)
  return {
    type: 'review',
    at: house.clock.now(),
    requestId: held.requestId,
    actionDigest: held.actionDigest,
    reviewer: {
      iss: 'https://development.holdpoint.invalid',
      sub,
      name: sub,
      assurance: 'login',
      channel: 'cli',
      evidence: digestBytes(sub),
    },
    verdict,
    renderHash,
  }
}

/** One heartbeat; undefined where it gets no answer. What is asked while the line is down is lost. */
const beat = (): Promise<{ policyVersion: number } | undefined> =>
  agent.nc
    .request(agentSubject(agent.id, 'heartbeat'), encodeMessage({ process: agent.process, waiting: [] }), {
      timeout: 200,
    })
    .then((message) => message.json<{ policyVersion: number }>())
    .catch(() => undefined)

test('broker - an approval that another replica has not heard of yet can be consumed there', async () => {
  const held = await holdAction(agent)
  const approval = await reviewEntry(held, 'bob', 'approve')
  const js = jetstream(await house.connect('broker'))
  const { requestId, actionDigest } = held
  // Written by somebody else; whoever asks at once must not be told that there is nothing.
  await js.publish(
    ledgerSubject.review(EPOCH, requestId, reviewerHash(approval.reviewer)),
    encodeEntry(approval),
  )
  await js.publish(
    ledgerSubject.decided(EPOCH, requestId),
    encodeEntry({
      type: 'decided',
      at: house.clock.now(),
      requestId,
      actionDigest,
      decision: 'approved',
      by: [approval.reviewer],
    }),
  )
  await expect(consumeOf(agent, held)).resolves.toHaveProperty('consumed')
})

test('broker - a denial that another replica took first counts first, though it is heard of last', async () => {
  const held = await holdAction(agent)
  const requests = createRequests()
  const requested = {
    type: 'requested',
    requestId: held.requestId,
    agent: { iss: 'x', sub: agent.id, name: agent.id },
    owner: { iss: 'x', sub: 'owner' },
    onBehalfOf: [],
    approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
    ruling: {},
  }
  requests.apply(requested as never, { index: 4, leafHash: '' })
  const request = requests.get(held.requestId) as Request
  const [approval, denial] = [
    await reviewEntry(held, 'bob', 'approve'),
    await reviewEntry(held, 'carol', 'deny'),
  ]
  requests.apply(approval, { index: 6, leafHash: '' })
  const written: LedgerEntry[] = []
  const context = {
    requests,
    epoch: () => EPOCH,
    now: house.clock.now,
    documents: { people: () => createPeople() },
    notify: { settled() {}, desk() {} },
    measures: { decided() {} },
    ledger: {
      commit: async (_: string, entry: LedgerEntry) => {
        written.push(entry)
        return { won: true, entry, position: { index: 7, leafHash: '' } }
      },
    },
    // What stands in the ledger before the approval arrives only now.
    catchUp: async () => requests.apply(denial, { index: 5, leafHash: '' }),
  }
  await decideByReviews(context as never, request)
  expect(written).toMatchObject([{ decision: 'denied', by: [{ sub: 'carol' }] }])
})

test('broker - a policy whose key has been taken out of the key set rules no longer', async () => {
  const held = await holdAction(agent)
  await replacePolicyKey(house)
  const ask = () =>
    codeOf(agent.call('request', { process: agent.process, attempt: attemptOf() })).catch(() => 'held')
  await eventually(ask, (code) => code === 'POLICY_UNAVAILABLE')
  expect(await codeOf(reviewAs(house, 'bob', held.requestId))).toBe('POLICY_UNAVAILABLE')
})

test('broker - a key set that has expired while it ran ends everything that rests on it', async () => {
  const held = await holdAction(agent)
  house.clock.advance(89 * 24 * 60 * MINUTE)
  expect(
    await codeOf(
      agent
        .call('hello', { process: agent.process })
        .then(() => Promise.reject(new Error('up to here it holds'))),
    ).catch((error) => error.message),
  ).toBe('up to here it holds')
  house.clock.advance(300 * 24 * 60 * MINUTE)
  for (const call of ['hello', 'request'] as const) {
    const body =
      call === 'hello' ? { process: agent.process } : { process: agent.process, attempt: attemptOf() }
    expect(['POLICY_UNAVAILABLE', 'UNKNOWN_AGENT']).toContain(await codeOf(agent.call(call, body)))
  }
  expect(await codeOf(claimOf(agent, held.requestId)).catch(() => 'answered')).not.toBe('approved')
})

test('broker - an older policy that somebody put back rules nothing after a restart', async () => {
  const older = house.home.read(FILES.policy)
  await house.publishPolicy(POLICY.replace('drop_*', 'export_*'))
  await eventually(beat, (answer) => answer?.policyVersion === 2)
  await house.broker().stop()
  const { streams } = await jetstreamManager(await house.connect('admin'))
  await streams.purge(TRUST_STREAM, { filter: trustSubject.policy(2) })
  await streams.purge(TRUST_STREAM, { filter: trustSubject.policy(1) })
  await jetstream(await house.connect('admin')).publish(trustSubject.policy(1), older)
  await house.startBroker()
  const call = { process: agent.process, attempt: attemptOf() }
  expect(await codeOf(agent.call('request', call))).toBe('POLICY_UNAVAILABLE')
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  const ask = () => agent.call<{ status: string }>('request', call).catch(() => ({ status: 'refused' }))
  await eventually(ask, ({ status }) => status === 'denied')
})

test('broker - a checkpoint never goes back, whichever replica writes last', async () => {
  const nc = await house.connect('broker')
  const key = readKey(house.home, FILES.ledgerKey)
  const origin = 'test.invalid/holdpoint'
  const appendedAtMs = house.clock.now()
  const [ahead, behind] = [1, 2].map(() =>
    createCheckpoints(
      { epoch: EPOCH, origin, key, everyMs: 3_600_000 },
      { nc, ledgerKeys: () => [], now: () => appendedAtMs, log: createFakeLog() },
    ),
  ) as [ReturnType<typeof createCheckpoints>, ReturnType<typeof createCheckpoints>]
  for (let leaf = 0; leaf < 300; leaf++) {
    ahead.append(Buffer.alloc(32, leaf))
    if (leaf < 200) behind.append(Buffer.alloc(32, leaf))
  }
  await house.broker().stop()
  expect(ahead.uncoveredSinceMs()).toBe(appendedAtMs)
  await ahead.stop()
  expect(ahead.uncoveredSinceMs()).toBeUndefined()
  await behind.stop()
  const { streams } = await jetstreamManager(nc, { checkAPI: false })
  const last = await streams.getMessage(CHECKPOINT_STREAM, { last_by_subj: `hp.v1.checkpoint.${EPOCH}` })
  expect(last?.string().split('\n')[1]).toBe('300')
})

test('leases - processes that come and go are forgotten', () => {
  let nowMs = 0
  const leases = createLeases({ leaseMs: 1_000 }, { now: () => nowMs })
  for (; nowMs < 200_000; nowMs += 10) leases.heard('agent', `process-${nowMs}`)
  expect(leases.size()).toBeLessThan(1_000)
  expect(leases.lost('agent', 'process-199990', 0)).toBe(false)
  expect(leases.lost('agent', 'process-0', 0)).toBe(true)
})

test('broker - a request that was begun under another policy is not finished under this one', async () => {
  const attempt = attemptOf()
  const js = jetstream(await house.connect('broker'))
  // A broker that died between the payload and the ledger: what it froze was never opened.
  const { createPayloads } = await import('../../src/broker/request/payload.ts')
  const { requestIdOf } = await import('../../src/broker/request/requester.ts')
  const secret = Buffer.from(house.home.read(FILES.brokerSecret), 'base64url')
  const opened = await holdAction(agent)
  const payloads = createPayloads(secret, { nc: await house.connect('broker') })
  const leftover = (await payloads.get(opened.requestId, 'request')) as never as { card: object }
  const requestId = requestIdOf({ epoch: EPOCH, secret }, agent.id, attempt)
  await payloads.create(requestId, 'request', {
    ...leftover,
    action: attempt.action as never,
    card: { ...leftover.card, requestId, action: attempt.action, rule: 'another-rule' } as never,
  })
  expect(await codeOf(agent.call('request', { process: agent.process, attempt }))).toBe('STALE')
  await expect(js.publish(ledgerSubject.requested(EPOCH, requestId), 'x')).resolves.toBeTruthy()
})

test('broker - the reason that was given with the review that counts is the one that is passed on', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  // A review whose entry never reached the ledger left its words behind.
  const secret = Buffer.from(house.home.read(FILES.brokerSecret), 'base64url')
  const { createPayloads } = await import('../../src/broker/request/payload.ts')
  const payloads = createPayloads(secret, { nc: await house.connect('broker') })
  const bob = { iss: 'https://development.holdpoint.invalid', sub: 'bob' }
  await payloads.add(requestId, `reason-${reviewerHash(bob)}`, 'looks fine to me')
  await reviewAs(house, 'bob', requestId, 'deny', 'too much money')
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'denied', reason: 'too much money' })
})

test.each([
  ['entries that age', { max_age: 3_600_000_000_000 }],
  ['a bound on its size', { max_bytes: 1_000_000 }],
  ['a bound on its entries', { max_msgs: 1_000 }],
])('provision - a ledger stream with %s is refused', async (_, change) => {
  const admin = await house.connect('admin')
  const { streams } = await jetstreamManager(admin)
  const { config } = await streams.info(`HP_LEDGER_${EPOCH}`)
  await streams.update(`HP_LEDGER_${EPOCH}`, { ...config, ...change })
  expect(await codeOf(provisionStreams(admin, EPOCH))).toBe('INVALID_CONFIG')
})
