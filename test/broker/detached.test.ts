import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClaimReply, ConsumeReply, RequestReply, TraceRef, WarrantClaims } from '#contract'
import {
  claimOf,
  codeOf,
  consumeOf,
  eventually,
  type Held,
  holdAction,
  newNonce,
  reviewAs,
} from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'

const SECONDS = 1_000
let house: House
let agent: TestAgent

const open = async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
}
const close = () => house.stop()

const HERE: TraceRef = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }

/** Asks without a process that waits. */
async function ask(more: object = {}): Promise<Held> {
  const attempt = { ...attemptOf(), ...more }
  const reply = await agent.call<RequestReply>('request', { attempt })
  if (reply.status !== 'held') throw new Error(`expected held, got ${JSON.stringify(reply)}`)
  return { ...reply, attempt }
}
const summaryOf = async (requestId: string) => (await house.desk.show(house.token('bob'), requestId)).summary
const stateOf = async (requestId: string) => (await summaryOf(requestId)).state
const claimsOf = (reply: ClaimReply): WarrantClaims => {
  if (reply.status !== 'approved') throw new Error(`expected approved, got ${reply.status}`)
  return JSON.parse(Buffer.from(reply.warrant.split('.')[1] ?? '', 'base64url').toString())
}
/** Every process is silent for longer than its lease, and the broker has looked. */
async function silence(): Promise<void> {
  house.clock.advance(60 * SECONDS)
  const probe = await agent.call<RequestReply>('request', { process: 'probe-1234567', attempt: attemptOf() })
  house.clock.advance(60 * SECONDS)
  const { requestId } = probe as Held
  await eventually(
    () => stateOf(requestId),
    (state) => state === 'cancelled',
  )
}

describe('in a house of its own', () => {
  beforeEach(open)
  afterEach(close)

  test('broker - a request that no process waits for stands while all are silent, and is good for one that comes later', async () => {
    const held = await ask()
    await silence()
    expect(await claimOf(agent, held.requestId)).toEqual({ status: 'pending' })
    await reviewAs(house, 'bob', held.requestId)
    const claimed = await agent.call<ClaimReply>('claim', { requestId: held.requestId, trace: HERE })
    expect(claimsOf(claimed).hp.runtime).toEqual({ trace_id: HERE.traceId, span_id: HERE.spanId })
    const { requestId, actionDigest } = held
    const consumed = await agent.call<ConsumeReply>('consume', {
      requestId,
      actionDigest,
      nonce: newNonce(),
      trace: HERE,
      process: agent.process,
    })
    expect(consumed.consumed).toMatch(/^ey/)
    expect(await stateOf(requestId)).toBe('consumed')
  })

  test('broker - whoever runs it and goes silent leaves it ambiguous', async () => {
    const { requestId, actionDigest } = await ask()
    await reviewAs(house, 'bob', requestId)
    await agent.call('consume', {
      requestId,
      actionDigest,
      nonce: newNonce(),
      trace: HERE,
      process: 'worker-12345678',
    })
    house.clock.advance(60 * SECONDS)
    await eventually(
      () => stateOf(requestId),
      (state) => state === 'ambiguous',
    )
  })

  test('broker - a detached request expires, is withdrawn, and ends with its agent’s freeze', async () => {
    const expires = await ask({ attempt: 'one' })
    const withdrawn = await ask({ attempt: 'two' })
    await agent.call('cancel', { requestId: withdrawn.requestId })
    expect(await stateOf(withdrawn.requestId)).toBe('cancelled')
    house.clock.advance(16 * 60 * SECONDS)
    await eventually(
      () => stateOf(expires.requestId),
      (state) => state === 'expired',
    )
    const frozen = await ask({ attempt: 'three' })
    await house.desk.freeze({
      token: house.token('carol'),
      agentId: 'support-agent',
      frozen: true,
      reason: 'look into it',
      channel: 'cli',
    })
    await eventually(
      () => stateOf(frozen.requestId),
      (state) => state === 'cancelled',
    )
  })

  test('broker - a frozen agent’s approval is not spent by a resource either', async () => {
    const billing = await house.agent('billing', { enforcement: 'resource' })
    const held = await ask({ resource: 'billing' })
    await reviewAs(house, 'bob', held.requestId)
    await house.desk.freeze({
      token: house.token('carol'),
      agentId: 'support-agent',
      frozen: true,
      reason: 'look into it',
      channel: 'cli',
    })
    expect(['AGENT_FROZEN', 'APPROVAL_REVOKED']).toContain(await codeOf(consumeOf(billing, held)))
  })
})

describe('in one house', () => {
  beforeAll(open)
  afterAll(close)

  test('broker - with a doubt people are asked for what policy allows, and what it denies stays denied', async () => {
    const allowed = attemptOf({ name: 'lookup_customer' })
    const doubt = 'The schema of this tool is not the one that was pinned.'
    const held = await ask({ ...allowed, doubt })
    const { card } = await house.desk.show(house.token('bob'), held.requestId)
    expect(card?.facts).toContainEqual({ name: 'doubt', value: doubt, source: 'agent' })
    await reviewAs(house, 'bob', held.requestId)
    expect(await claimOf(agent, held.requestId)).toMatchObject({ status: 'approved' })
    expect(
      await agent.call('request', { attempt: { ...attemptOf({ name: 'drop_database' }), doubt } }),
    ).toMatchObject({ status: 'denied', code: 'POLICY_DENIED' })
  })

  test('broker - what a gateway says is a gateway’s fact, whatever source it names', async () => {
    const gateway = await house.agent('crm-gateway', { enforcement: 'gateway' })
    const facts = [{ name: 'rows', value: 3, source: 'broker' }]
    const held = await gateway.call<Held>('request', {
      attempt: { ...attemptOf(), facts, doubt: 'another schema' },
    })
    const { card } = await house.desk.show(house.token('bob'), held.requestId)
    expect(card?.facts).toContainEqual({ name: 'rows', value: 3, source: 'gateway' })
    expect(card?.facts).toContainEqual({ name: 'doubt', value: 'another schema', source: 'gateway' })
  })

  test('broker - what is asked for at a resource, that resource spends and nobody else', async () => {
    const billing = await house.agent('billing', { enforcement: 'resource' })
    const other = await house.agent('shipping', { enforcement: 'resource' })
    const held = await ask({ resource: 'billing' })
    await reviewAs(house, 'bob', held.requestId)
    expect(claimsOf(await claimOf(agent, held.requestId)).aud).toBe('resource:billing')
    for (const caller of [agent, other]) {
      expect(await codeOf(consumeOf(caller, held))).toBe('UNKNOWN_REQUEST')
      expect(
        await codeOf(
          caller.call('outcome', { requestId: held.requestId, nonce: newNonce(), outcome: 'executed' }),
        ),
      ).toBe('UNKNOWN_REQUEST')
    }
    // The warrant is the requester's to fetch.
    expect(await codeOf(claimOf(billing, held.requestId))).toBe('UNKNOWN_REQUEST')
    const nonce = newNonce()
    await consumeOf(billing, held, nonce)
    expect(await codeOf(consumeOf(billing, held))).toBe('ALREADY_SPENT')
    await billing.call('outcome', { requestId: held.requestId, nonce, outcome: 'executed' })
    expect(await stateOf(held.requestId)).toBe('executed')
  })

  test('broker - whoever consumes says in which process, where nobody else is known whose silence would end it', async () => {
    const billing = await house.agent('billing', { enforcement: 'resource' })
    const detached = await ask({ attempt: 'nobody waits' })
    const waited = await holdAction(agent, { ...attemptOf(), attempt: 'at a resource', resource: 'billing' })
    for (const [spender, { requestId, actionDigest }] of [
      [agent, detached],
      [billing, waited],
    ] as const) {
      await reviewAs(house, 'bob', requestId)
      const call = { requestId, actionDigest, nonce: newNonce(), trace: HERE }
      expect(await codeOf(spender.call('consume', call))).toBe('INVALID_INPUT')
      await spender.call('consume', { ...call, process: spender.process })
    }
  })

  test.each([
    ['an agent that is none', 'other-agent'],
    ['Holdpoint’s own', 'policy-apply'],
    ['a name that nobody has', 'nobody'],
    ['itself', 'support-agent'],
    ['one of another environment', 'staging-billing'],
  ])('broker - a resource that is %s is refused', async (_what, resource) => {
    if (resource === 'other-agent') await house.agent(resource)
    if (resource === 'staging-billing')
      await house.agent(resource, { enforcement: 'resource', environment: 'staging' })
    await expect(agent.call('request', { attempt: { ...attemptOf(), resource } })).rejects.toThrow(
      new RegExp(`attempt.resource is "${resource}"`),
    )
  })
})
