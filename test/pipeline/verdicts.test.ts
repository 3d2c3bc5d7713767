import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTR, GEN_AI, principalId } from '#contract'
import { type Client, freshTrace, hex, nextId, POLICY, type SpanOf, startClient } from './client.ts'
import { aSpan, encodeProtobuf } from './encode.ts'
import {
  APPROVED_ATTRIBUTES,
  BOB,
  DENIED_ATTRIBUTES,
  decided,
  requested,
  UNASKED_ATTRIBUTES,
} from './entries.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

describe('verdicts', () => {
  it('pipeline - an approved action is verified, with the approver of the ledger', async () => {
    const { trace, requestId, attributes } = await client.approvedRequest()
    const { finding, stored } = await client.send({ attributes, trace })
    expect(finding).toMatchObject({
      verification: 'verified',
      request_id: requestId,
      name: 'export_customers',
      ruling: 'hold',
      rule: 'export',
      outcome: 'executed',
      service_name: 'support',
    })
    expect(stored).toMatchObject({
      [ATTR.verification]: 'verified',
      [ATTR.approverId]: principalId(BOB),
      [ATTR.approverName]: BOB.name,
      [ATTR.approvers]: JSON.stringify([principalId(BOB)]),
    })
  })

  it("pipeline - an honest span that names no approver gets the ledger's", async () => {
    const { trace } = await client.approvedRequest()
    const { stored } = await client.send({ attributes: UNASKED_ATTRIBUTES, trace })
    expect(stored).toMatchObject({
      [ATTR.verification]: 'verified',
      [ATTR.approverName]: BOB.name,
      [ATTR.decision]: 'approved',
    })
  })

  it('pipeline - a verdict and an approver that a client made up are never stored', async () => {
    const attributes = {
      ...UNASKED_ATTRIBUTES,
      [ATTR.verification]: 'verified',
      [ATTR.approverName]: 'The CEO',
      [ATTR.decision]: 'approved',
    }
    const resource = { [ATTR.verification]: 'verified', [ATTR.approverName]: 'The CEO' }
    const { finding, stored } = await client.send({ attributes, resource })
    expect(finding).toMatchObject({ verification: 'forged' })
    expect(finding?.detail).toContain('The CEO')
    expect(stored[ATTR.verification]).toBe('forged')
    expect(Object.keys(stored).filter((name) => name.startsWith('holdpoint.approval.'))).toEqual([])
    const [row] = await client.scene.store.query<{ count: string }>(
      `SELECT count() AS count FROM otel_traces WHERE ResourceAttributes['${ATTR.verification}'] != '' OR ResourceAttributes['${ATTR.approverName}'] != ''`,
    )
    expect(Number(row?.count)).toBe(0)
  })

  it('pipeline - a wait shows no approver of its own making, and is not judged', async () => {
    const span = { name: 'await_approval export_customers' }
    const { finding, stored } = await client.send({
      attributes: { [ATTR.approvalId]: 'nobody', [ATTR.approverName]: 'The CEO' },
      span,
    })
    expect([finding, stored]).toEqual([undefined, {}])
  })

  it('pipeline - an approval quoted from another trace is unbound, from another span a replay', async () => {
    const { trace, attributes } = await client.approvedRequest()
    expect((await client.send({ attributes, trace })).finding?.verification).toBe('verified')
    const elsewhere = await client.send({ attributes })
    expect(elsewhere.finding?.verification).toBe('unbound')
    expect(elsewhere.stored[ATTR.approverName]).toBeUndefined()
    const again = await client.send({ attributes, trace: { ...trace, spanId: hex(16) } })
    expect(again.finding?.verification).toBe('replayed')
    expect(again.stored[ATTR.approverName]).toBeUndefined()
  })

  it('pipeline - the same ids with another content are a replay, and the first cannot cover it up', async () => {
    const { trace, attributes } = await client.approvedRequest()
    const first = client.bodyOf({ attributes, trace })
    expect((await client.post(first)).status).toBe(200)
    expect((await client.post(first)).status).toBe(200)
    expect((await client.read(trace)).finding?.verification).toBe('verified')
    client.scene.clock.nowMs += 10
    expect(
      (
        await client.send({
          attributes: { ...attributes, 'gen_ai.tool.call.arguments': '{"all":true}' },
          trace,
        })
      ).finding?.verification,
    ).toBe('replayed')
    client.scene.clock.nowMs += 10
    expect(
      (await client.send({ attributes, trace, span: { status: { code: 1 } } })).finding?.verification,
    ).toBe('replayed')
  })

  it.each<[string, SpanOf & { name?: string }, string]>([
    [
      'what policy allows is not required',
      { attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'lookup_customer' } },
      'not_required',
    ],
    ['what policy holds is missing its decision', { attributes: UNASKED_ATTRIBUTES }, 'missing'],
    [
      'what policy denies is missing as well',
      {
        attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'drop_database' },
        resource: { 'deployment.environment.name': 'prod' },
      },
      'missing',
    ],
    [
      'a denial of policy that was heeded is refused',
      {
        attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'drop_database', [ATTR.outcome]: 'not_run' },
        resource: { 'deployment.environment.name': 'prod' },
      },
      'refused',
    ],
    [
      'in an environment that is only observed it is observed, where the agent is registered there',
      { attributes: { ...UNASKED_ATTRIBUTES, [GEN_AI.agentId]: 'trial' } },
      'observed',
    ],
    [
      "an environment that is only observed, by nobody else's word, is unverifiable",
      { attributes: UNASKED_ATTRIBUTES, resource: { 'deployment.environment.name': 'staging' } },
      'unverifiable',
    ],
    [
      'another environment than the registered one is not believed',
      {
        attributes: { ...UNASKED_ATTRIBUTES, [GEN_AI.agentId]: 'support' },
        resource: { 'deployment.environment.name': 'staging' },
      },
      'missing',
    ],
    [
      'held, and not run by its own word alone, is unverifiable',
      { attributes: { ...UNASKED_ATTRIBUTES, [ATTR.outcome]: 'not_run' } },
      'unverifiable',
    ],
    [
      'a ruling that hangs on arguments is unverifiable',
      {
        attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'issue_refund' },
        resource: { 'deployment.environment.name': 'prod' },
      },
      'unverifiable',
    ],
    [
      'an action before the first policy is unverifiable',
      { attributes: UNASKED_ATTRIBUTES, span: { startNs: 1_000n } },
      'unverifiable',
    ],
    [
      'a request that nobody made is forged',
      { attributes: { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: 'made-up' } },
      'forged',
    ],
  ])('pipeline - %s', async (_, one, verification) => {
    const resource = { 'deployment.environment.name': 'prod', ...one.resource }
    const { finding, stored } = await client.send({ ...one, resource })
    expect([finding?.verification, finding?.detail]).toEqual([verification, expect.any(String)])
    expect(stored[ATTR.verification]).toBe(verification)
  })

  it('pipeline - an environment that is not said is none that suits the agent', async () => {
    const { finding } = await client.send({ attributes: UNASKED_ATTRIBUTES })
    expect(finding?.verification).toBe('unverifiable')
  })

  it('pipeline - a harmless span under the same ids does not cover up a finding', async () => {
    const trace = freshTrace()
    const resource = { 'deployment.environment.name': 'prod' }
    const harmless = { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'lookup_customer' }
    expect(
      (await client.send({ attributes: UNASKED_ATTRIBUTES, trace, resource })).finding?.verification,
    ).toBe('missing')
    client.scene.clock.nowMs += 1_000
    expect((await client.send({ attributes: harmless, trace, resource })).finding?.verification).toBe(
      'missing',
    )
    // Something worse still takes its place.
    client.scene.clock.nowMs += 1_000
    const worse = { ...UNASKED_ATTRIBUTES, [ATTR.decision]: 'approved' }
    expect((await client.send({ attributes: worse, trace, resource })).finding?.verification).toBe('forged')
  })

  it('pipeline - in one batch, a harmless span under the same ids does not cover up a finding either', async () => {
    const trace = freshTrace()
    const startNs = BigInt(client.scene.clock.nowMs) * 1_000_000n
    const spanOf = (name: string) =>
      aSpan({ ...trace, startNs, attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': name } })
    const resource = { 'deployment.environment.name': 'prod' }
    const spans = [spanOf('export_customers'), spanOf('lookup_customer')]
    expect((await client.post(encodeProtobuf({ resource, spans }))).status).toBe(200)
    expect((await client.read(trace)).finding?.verification).toBe('missing')
  })

  it('pipeline - a denial that was heeded is refused, and shows who denied', async () => {
    const requestId = nextId()
    const trace = freshTrace()
    await client.scene.append(requested({ requestId, trace }), decided({ requestId, decision: 'denied' }))
    const { finding, stored } = await client.send({
      attributes: { ...DENIED_ATTRIBUTES, [ATTR.approvalId]: requestId },
      trace,
    })
    expect(finding).toMatchObject({ verification: 'refused', request_id: requestId })
    // As soon as the decision is copied from the ledger.
    await expect.poll(async () => (await client.read(trace)).finding?.outcome).toBe('not_run')
    expect(stored).toMatchObject({ [ATTR.decision]: 'denied', [ATTR.approverName]: BOB.name })
  })
})

describe('trust', () => {
  it('pipeline - a policy that the ledger names with another hash, or that a stranger signed, allows nothing', async () => {
    const allowAll = POLICY.replace('effect: hold', 'effect: allow')
    await client.scene.publishPolicy(allowAll, { atMs: client.scene.clock.nowMs, signed: 'by a stranger' })
    client.scene.clock.nowMs += 60_000
    const resource = { 'deployment.environment.name': 'prod' }
    expect((await client.send({ attributes: UNASKED_ATTRIBUTES, resource })).finding?.verification).toBe(
      'unverifiable',
    )
    await client.scene.publishPolicy(allowAll, { atMs: client.scene.clock.nowMs, ledgerHash: 'other bytes' })
    client.scene.clock.nowMs += 60_000
    expect((await client.send({ attributes: UNASKED_ATTRIBUTES, resource })).finding?.verification).toBe(
      'unverifiable',
    )
    await client.scene.publishPolicy(POLICY, { atMs: client.scene.clock.nowMs })
    client.scene.clock.nowMs += 60_000
    expect((await client.send({ attributes: UNASKED_ATTRIBUTES, resource })).finding?.verification).toBe(
      'missing',
    )
  })
})
