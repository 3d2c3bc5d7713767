import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClaimReply, DIGEST, encodeMessage, type RequestReply } from '#contract'
import { claimOf, codeOf, consumeOf, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let agent: TestAgent

beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

test('broker - an identical retry attaches to its request; another attempt is another one', async () => {
  const attempt = attemptOf()
  const first = await holdAction(agent, attempt)
  expect(await holdAction(agent, attempt)).toEqual(first)
  const second = await holdAction(agent, { ...attempt, attempt: 'another call of the same turn' })
  expect(second.requestId).not.toBe(first.requestId)
})

test('broker - twenty identical requests at once are one', async () => {
  const attempt = attemptOf()
  const all = await Promise.all(Array.from({ length: 20 }, () => holdAction(agent, attempt)))
  expect(new Set(all.map(({ requestId, salt }) => `${requestId} ${salt}`)).size).toBe(1)
  const { requests: pending } = await house.desk.list(house.token('bob'))
  expect(pending.filter(({ requestId }) => requestId === all[0]?.requestId)).toHaveLength(1)
})

test('broker - another agent with the same attempt has a request of its own', async () => {
  const other = await house.agent('other-agent')
  const attempt = attemptOf()
  const [mine, theirs] = [await holdAction(agent, attempt), await holdAction(other, attempt)]
  expect(theirs.requestId).not.toBe(mine.requestId)
  for (const call of ['claim', 'cancel'] as const)
    expect(await codeOf(other.call(call, { requestId: mine.requestId }))).toBe('UNKNOWN_REQUEST')
  expect(await codeOf(consumeOf(other, mine))).toBe('UNKNOWN_REQUEST')
  expect(
    await codeOf(
      other.call('outcome', { requestId: mine.requestId, nonce: newNonce(), outcome: 'executed' }),
    ),
  ).toBe('UNKNOWN_REQUEST')
})

test('broker - policy rules anew, whatever the gate thought', async () => {
  const denied = await agent.call<RequestReply>('request', {
    process: agent.process,
    attempt: attemptOf({ name: 'drop_database' }),
  })
  expect(denied).toEqual({
    status: 'denied',
    code: 'POLICY_DENIED',
    reason: 'Dropping is a change request.',
    rule: 'drop',
  })
  const attempt = attemptOf({ name: 'lookup_customer' })
  const allowed = await agent.call<RequestReply>('request', { process: agent.process, attempt })
  expect(allowed).toMatchObject({ status: 'allowed', rule: 'lookup', onBehalfOf: [] })
})

test('broker - malformed and oversized requests are refused by name', async () => {
  const send = (value: unknown) => agent.call('request', value)
  await expect(send({ process: agent.process, attempt: attemptOf({ kind: 'Tool!' }) })).rejects.toThrow(
    /attempt\.action\.kind is "Tool!"/,
  )
  await expect(send({ process: agent.process, attempt: { ...attemptOf(), owner: 'me' } })).rejects.toThrow(
    /attempt\.owner/,
  )
  expect(
    await codeOf(send({ process: agent.process, attempt: attemptOf({ arguments: 'x'.repeat(1_000_001) }) })),
  ).toBe('PAYLOAD_TOO_LARGE')
  for (const raw of [
    '',
    '{',
    '{"process":"a","process":"b"}',
    '{"attempt":9007199254740993}',
    `${'['.repeat(80)}${']'.repeat(80)}`,
  ]) {
    const reply = await agent.nc.request('hp.v1.agent.support-agent.request', raw, { timeout: 2_000 })
    expect(reply.json()).toMatchObject({ error: { code: 'INVALID_INPUT' } })
  }
})

test('broker - a call that wants its reply elsewhere is not answered there', async () => {
  const victim = await house.agent('victim')
  const heard: string[] = []
  victim.nc.subscribe('_INBOX.victim.>', { callback: (_, message) => void heard.push(message.string()) })
  await victim.nc.flush()
  const call = encodeMessage({ process: agent.process, attempt: attemptOf() })
  for (const reply of ['_INBOX.victim.hint', 'hp.v1.ledger.1.req.forged.decided', '_INBOX.support-agent'])
    agent.nc.publish('hp.v1.agent.support-agent.request', call, { reply })
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'bob', requestId)
  expect(heard).toEqual([])
  expect(
    house.lines.filter((line) => line.includes('does not ask for a reply in its own inbox')),
  ).toHaveLength(3)
})

test('broker - an approval is for one digest, and is consumed once', async () => {
  const held = await holdAction(agent)
  expect(await codeOf(consumeOf(agent, held))).toBe('APPROVAL_DENIED')
  await reviewAs(house, 'bob', held.requestId)
  const otherDigest = `sha-256:${randomBytes(32).toString('hex')}` as const
  expect(otherDigest).toMatch(DIGEST)
  expect(await codeOf(consumeOf(agent, { ...held, actionDigest: otherDigest }))).toBe('WARRANT_MISMATCH')

  const racers = await Promise.allSettled(Array.from({ length: 200 }, () => consumeOf(agent, held)))
  const lost = racers.flatMap((racer) => (racer.status === 'rejected' ? [racer.reason.code] : []))
  expect(racers.length - lost.length).toBe(1)
  expect(new Set(lost)).toEqual(new Set(['ALREADY_SPENT']))
  expect(await claimOf(agent, held.requestId)).toEqual({
    status: 'spent',
    code: 'ALREADY_SPENT',
  } satisfies ClaimReply)
})

test('broker - the same consume again, its answer lost, gets the same answer; with another span it does not', async () => {
  const held = await holdAction(agent)
  await reviewAs(house, 'bob', held.requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  await expect(consumeOf(agent, held, nonce)).resolves.toHaveProperty('consumed')
  const { trace } = attemptOf().action
  const elsewhere = { ...held, attempt: { ...held.attempt, action: { ...held.attempt.action, trace } } }
  expect(await codeOf(consumeOf(agent, elsewhere, nonce))).toBe('ALREADY_SPENT')
})

test('broker - an outcome comes from whoever consumed, and the first one stands', async () => {
  const held = await holdAction(agent)
  const { requestId } = held
  const nonce = newNonce()
  const conclude = (more: object) => agent.call('outcome', { requestId, nonce, outcome: 'executed', ...more })
  expect(await codeOf(conclude({}))).toBe('INVALID_INPUT')
  await reviewAs(house, 'bob', requestId)
  expect(await codeOf(conclude({}))).toBe('INVALID_INPUT')
  await consumeOf(agent, held, nonce)
  expect(await codeOf(conclude({ nonce: newNonce(), outcome: 'failed' }))).toBe('ALREADY_SPENT')
  await conclude({ outcome: 'failed', errorType: 'TimeoutError' })
  await conclude({})
  expect((await house.desk.show(house.token('bob'), requestId)).summary.state).toBe('failed')
})

test('broker - a cancelled request cannot be approved, and an approval that came first is taken back', async () => {
  const early = await holdAction(agent)
  expect(await agent.call('cancel', { requestId: early.requestId })).toEqual({ state: 'cancelled' })
  expect(await codeOf(reviewAs(house, 'bob', early.requestId))).toBe('ALREADY_DECIDED')
  const late = await holdAction(agent)
  await reviewAs(house, 'bob', late.requestId)
  expect(await agent.call('cancel', { requestId: late.requestId })).toEqual({ state: 'revoked' })
  expect(await codeOf(consumeOf(agent, late))).toBe('APPROVAL_REVOKED')
})
