import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FILES, readKey } from '#broker'
import {
  type Attempt,
  type ClaimReply,
  digestBytes,
  PAYLOAD_KEY_STREAM,
  payloadKeySubject,
  type RequestReply,
} from '#contract'
import { createIdentity } from '#identity'
import { loadPolicy } from '#policy'
import { claim } from '../../src/broker/calls/claim.ts'
import { request } from '../../src/broker/calls/request.ts'
import type { Context } from '../../src/broker/context.ts'
import { createLedgerWriter } from '../../src/broker/history/commit.ts'
import { createPast } from '../../src/broker/history/past.ts'
import { createMint } from '../../src/broker/mint.ts'
import { createPayloads } from '../../src/broker/request/payload.ts'
import { createDenials } from '../../src/broker/state/denials.ts'
import { createFreezes } from '../../src/broker/state/freezes.ts'
import { createLeases } from '../../src/broker/state/leases.ts'
import { createQuotas } from '../../src/broker/state/quotas.ts'
import { createRequests } from '../../src/broker/state/requests.ts'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const ERASING = POLICY.replace('rules:', 'duties: { erase: [privacy] }\nrules:').replace(
  'groups:',
  'groups:\n  privacy: [oidc:https://development.holdpoint.invalid#group/privacy]',
)
let house: House
let agent: TestAgent
let privacy: string
beforeAll(async () => {
  house = await startHouse({ policy: ERASING })
  agent = await house.agent('support-agent')
  privacy = await tokenOf(house.home, { sub: 'pia', name: 'Pia Privat', groups: ['privacy'] })
})
afterAll(() => house.stop())

/** A replica of the house's broker that has heard of nothing yet: it has the same ledger, and no tail of it. */
async function lagging(epochs = [EPOCH]): Promise<Context> {
  const nc = await house.connect('broker')
  const { log } = house
  const { now } = house.clock
  const secret = Buffer.from(house.home.read(FILES.brokerSecret), 'base64url')
  const requests = createRequests()
  const origin = 'test.invalid/holdpoint'
  const registration = {
    agent: { iss: origin, sub: agent.id, name: agent.id },
    owner: { iss: 'https://development.holdpoint.invalid', sub: 'alice' },
    environment: 'prod',
    enforcement: 'in-process',
  }
  const parts = {
    epoch: () => epochs.at(-1),
    openEpochs: () => epochs,
    config: { origin, heartbeatMs: 5_000, maxPayloadBytes: 1_000_000, secret },
    ledger: createLedgerWriter({ nc }),
    requests,
    past: createPast({ nc }),
    denials: createDenials({ requestedOf: (requestId) => requests.get(requestId)?.requested, now }),
    freezes: createFreezes(),
    quotas: createQuotas({ now }),
    payloads: createPayloads(secret, { nc }),
    documents: {
      policy: () => ({ compiled: loadPolicy(ERASING, 1) }),
      registration: () => ({ registration }),
    },
    identity: createIdentity({ issuers: [] }, { now }),
    leases: createLeases({ leaseMs: 15_000 }, { now }),
    mint: createMint({ origin, key: readKey(house.home, FILES.brokerKey) }),
    notify: { desk() {}, alarm() {} },
    catchUp: async () => {},
    now,
    log,
  }
  return parts as unknown as Context
}

const asked = (attempt: Attempt, context: Context): Promise<RequestReply> =>
  request.handle(agent.id, { process: agent.process, attempt }, context)

async function hasKey(requestId: string): Promise<boolean> {
  const { streams } = await jetstreamManager(await house.connect('broker'), { checkAPI: false })
  const subject = payloadKeySubject(requestId)
  return (await streams.getMessage(PAYLOAD_KEY_STREAM, { last_by_subj: subject })) !== null
}

async function denied(attempt = attemptOf()) {
  const held = await holdAction(agent, attempt)
  await reviewAs(house, 'bob', held.requestId, 'deny', 'not for these people')
  return held
}

test('lagging replica - the attempt of a request that was erased seals nothing anew', async () => {
  const { requestId, attempt } = await denied()
  await house.desk.erase({ requestId, channel: 'cli', token: privacy })
  await eventually(
    () => hasKey(requestId),
    (has) => !has,
  )
  expect(await codeOf(asked(attempt, await lagging()))).toBe('ERASED')
  expect(await hasKey(requestId)).toBe(false)
})

test('lagging replica - an attempt attaches to the request that another one has opened in the epoch before', async () => {
  const { requestId, salt, attempt } = await holdAction(agent)
  expect(await asked(attempt, await lagging([EPOCH, EPOCH + 1]))).toMatchObject({
    status: 'held',
    requestId,
    salt,
  })
})

test('erased - what was said is told to nobody from the record on, though the key is still there', async () => {
  const { requestId, attempt } = await denied()
  const context = await lagging()
  const placed = await context.past.read(requestId)
  if (!placed?.decided) throw new Error('expected a decision')
  for (const entry of [placed.requested, placed.decided]) {
    const { index, leafHash, ...written } = entry
    context.requests.apply(written, { index, leafHash })
    context.denials.apply(written, { index, leafHash })
  }
  const toldTo = async () => [
    ((await claim.handle(agent.id, { requestId }, context)) as ClaimReply & { status: 'denied' }).reason,
    ((await asked({ ...attempt, attempt: 'once more' }, context)) as RequestReply & { status: 'denied' })
      .reason,
  ]
  expect(await toldTo()).toEqual([
    'not for these people',
    expect.stringContaining('denied the same action before: not for these people'),
  ])
  const { actionDigest } = placed.requested
  const by = { ...placed.decided.by[0], evidence: digestBytes('token') } as never
  context.requests.apply(
    { type: 'erased', at: house.clock.now(), requestId, actionDigest, by },
    { index: 99, leafHash: '' },
  )
  expect(await hasKey(requestId)).toBe(true)
  expect(await toldTo()).toEqual([undefined, expect.stringMatching(/denied the same action before\.$/)])
})
