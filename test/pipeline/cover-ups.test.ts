import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTR, GEN_AI, type TraceRef } from '#contract'
import { type Client, freshTrace, startClient } from './client.ts'
import type { Sample } from './encode.ts'
import { UNASKED_ATTRIBUTES } from './entries.ts'

let client: Client
beforeAll(async () => {
  client = await startClient()
})
afterAll(() => client?.scene.stop())

const LOOKUP = { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'lookup_customer' }
const FORGED = { ...UNASKED_ATTRIBUTES, [ATTR.decision]: 'approved' }
const OBSERVED = { attributes: { ...UNASKED_ATTRIBUTES, [GEN_AI.agentId]: 'trial' } }

/** The verdict that stands in the end, after these spans under one pair of ids. */
async function standing(trace: TraceRef, ...all: Record<string, Sample>[]): Promise<string | undefined> {
  for (const attributes of all) await client.send({ attributes, trace })
  return (await client.read(trace)).finding?.verification
}

describe('a second span with the ids of one that was judged', () => {
  it('pipeline - a harmless span that is stored before or after an alarm does not take its place', async () => {
    const { store } = client.scene
    const first = Promise.withResolvers<void>()
    const slow = await client.scene.startPipeline({
      store: {
        async insertFindings(rows, token) {
          // Judged at the same time, and stored in the other order.
          if (rows.some(({ verification }) => verification === 'forged')) await first.promise
          await store.insertFindings(rows, token)
          if (rows.some(({ verification }) => verification === 'not_required')) first.resolve()
        },
      },
    })
    const to = client.endpoint(slow)
    const trace = freshTrace()
    const answers = [FORGED, LOOKUP].map((attributes) =>
      client.post(client.bodyOf({ attributes, trace }), to),
    )
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
    expect((await client.read(trace)).finding?.verification).toBe('forged')
    await slow.stop()
  })

  it('pipeline - it does not take the place of what was only observed, or could not be verified', async () => {
    const observed = freshTrace()
    expect((await client.send({ ...OBSERVED, trace: observed })).finding?.verification).toBe('observed')
    expect(await standing(observed, LOOKUP)).toBe('observed')
    const small = { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'issue_refund' }
    expect(await standing(freshTrace(), small, LOOKUP)).toBe('unverifiable')
  })

  it('pipeline - a span that was harmless does not keep an alarm out', async () => {
    expect(await standing(freshTrace(), LOOKUP, FORGED)).toBe('forged')
  })

  it('pipeline - the same span sent again is no second span', async () => {
    const { trace, attributes } = await client.approvedRequest()
    const [finding] = [(await client.send({ attributes, trace })).finding]
    expect(finding?.verification).toBe('verified')
    expect(await standing(trace, attributes)).toBe('verified')
  })

  it('pipeline - the second use of an approval is a replay, even if the pipeline was restarted in between', async () => {
    const { trace, attributes } = await client.approvedRequest()
    expect(await standing(trace, attributes)).toBe('verified')
    const restarted = await client.scene.startPipeline()
    const to = client.endpoint(restarted)
    const other = client.bodyOf({ attributes: { ...attributes, rows: 1_000_000n }, trace })
    expect((await client.post(other, to)).status).toBe(200)
    const { finding, stored } = await client.read(trace)
    expect(finding?.verification).toBe('replayed')
    expect(stored[ATTR.verification]).not.toBe('verified')
    // Sent once more, the first does not cover it up.
    expect((await client.post(client.bodyOf({ attributes, trace }), to)).status).toBe(200)
    expect((await client.read(trace)).finding?.verification).toBe('replayed')
    await restarted.stop()
  })
})

describe('what a stored span may say of its approver', () => {
  const OF_THEIR_OWN = {
    'holdpoint.approval.approver.email': 'ceo@example.com',
    'holdpoint.approval.approved_by': 'The CEO',
    'holdpoint.approval.reason': 'because',
  }
  const approvals = (stored: Record<string, string>): string[] =>
    Object.keys(stored).filter((name) => name in OF_THEIR_OWN)

  it('pipeline - attributes that nobody knows do not stand beside a verified approver, nor on a refusal', async () => {
    const { trace, attributes } = await client.approvedRequest()
    const verified = await client.send({ attributes: { ...attributes, ...OF_THEIR_OWN }, trace })
    expect(verified.finding?.verification).toBe('verified')
    expect(approvals(verified.stored)).toEqual([ATTR.reason])
    const dropped = { ...UNASKED_ATTRIBUTES, [GEN_AI.toolName]: 'drop_database' }
    const refusal = { ...dropped, [ATTR.outcome]: 'not_run', [GEN_AI.agentId]: 'support', ...OF_THEIR_OWN }
    const refused = await client.send({ attributes: refusal })
    expect(refused.finding?.verification).toBe('refused')
    expect(approvals(refused.stored)).toEqual([ATTR.reason])
  })
})
