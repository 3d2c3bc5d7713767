import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EVENT_STREAM, eventSubject, type RequestSummary } from '#contract'
import { claimOf, codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const MINUTE = 60_000
const STEPS = `${POLICY}
  - id: steps
    match: { kind: tool, name: "steps*" }
    effect: hold
    approvals: { from: [data-owners], threshold: 1 }
    timeout: 10m
    escalate: [{ after: 2m, to: [security-oncall] }, { after: 5m, to: [sre] }]
  - id: parts
    match: { kind: tool, name: parts }
    effect: hold
    approvals: { all: [{ from: [data-owners], threshold: 1 }, { from: [sre], threshold: 1 }] }
    escalate: [{ after: 2m, to: [security-oncall] }]
`
let house: House
let agent: TestAgent
let oncall: string
let owner: string
beforeAll(async () => {
  // Nobody sends heartbeats here, and time is moved by minutes.
  house = await startHouse({ policy: STEPS, heartbeatMs: 60 * MINUTE })
  agent = await house.agent('support-agent')
  oncall = await tokenOf(house.home, { sub: 'gina', name: 'Gina', groups: ['security-oncall'] })
  owner = await tokenOf(house.home, { sub: 'erik', name: 'Erik', groups: ['data-owners'] })
})
afterAll(() => house.stop())

const hold = (name: string) => holdAction(agent, attemptOf({ name }))
async function reviewWith(token: string, requestId: string, verdict: 'approve' | 'deny' = 'approve') {
  const { renderHash } = await house.desk.show(token, requestId)
  return house.desk.review({ requestId, verdict, renderHash, channel: 'cli', token })
}
/** All that the event stream keeps of the steps of a request. */
async function steps(requestId: string): Promise<string[]> {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const filter = eventSubject('escalated', requestId).concat('.>')
  const { state } = await streams.info(EVENT_STREAM, { subjects_filter: filter })
  return Object.keys(state.subjects ?? {}).map((subject) => subject.split('.').at(-1) as string)
}
const stepsInTheEnd = (requestId: string, count: number) =>
  eventually(
    () => steps(requestId),
    (found) => found.length >= count,
  )

test('escalation - others may answer once it has waited long enough, and not before', async () => {
  const { requestId } = await hold('steps-one')
  expect((await house.desk.show(oncall, requestId)).mayReview).toMatchObject({ code: 'NOT_A_REVIEWER' })
  expect(await codeOf(reviewWith(oncall, requestId))).toBe('NOT_A_REVIEWER')
  house.clock.advance(2 * MINUTE)
  expect((await house.desk.show(oncall, requestId)).mayReview).toEqual({
    ok: true,
    groups: ['security-oncall'],
  })
  expect((await house.desk.list(oncall, { reviewable: true })).requests).toMatchObject([{ requestId }])
  // The next step is for sre, and not yet.
  const sre = await tokenOf(house.home, { sub: 'hans', name: 'Hans', groups: ['sre'] })
  expect(await codeOf(reviewWith(sre, requestId))).toBe('NOT_A_REVIEWER')
  // A step is announced while the request waits, and no more once it is decided.
  expect(await stepsInTheEnd(requestId, 1)).toEqual(['1'])
  expect(await reviewWith(oncall, requestId)).toMatchObject({ state: 'approved' })
})

test('escalation - it asks for nobody less: who answers otherwise still may, and nobody’s silence approves', async () => {
  const { requestId } = await hold('steps-two')
  house.clock.advance(5 * MINUTE)
  expect(await stepsInTheEnd(requestId, 2)).toEqual(['1', '2'])
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await reviewWith(owner, requestId, 'deny')).toMatchObject({ state: 'denied' })
})

test('escalation - a restart and other replicas repeat no step', async () => {
  const { requestId } = await hold('steps-three')
  const heard: string[] = []
  house.clock.advance(2 * MINUTE)
  await stepsInTheEnd(requestId, 1)
  const unwatch = house.desk.watch((event, request) => {
    if (request.requestId === requestId) heard.push(event)
  })
  await house.broker().stop()
  await Promise.all([house.startBroker(), house.startBroker()])
  house.clock.advance(3 * MINUTE)
  expect(await stepsInTheEnd(requestId, 2)).toEqual(['1', '2'])
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const second = await streams.getMessage(EVENT_STREAM, {
    last_by_subj: eventSubject('escalated', requestId, 2),
  })
  expect(second?.json<RequestSummary>()).toMatchObject({
    requestId,
    state: 'pending',
    escalate: [
      { afterMs: 2 * MINUTE, to: ['security-oncall'] },
      { afterMs: 5 * MINUTE, to: ['sre'] },
    ],
  })
  expect(heard).toContain('escalated')
  unwatch()
})

test('escalation - whoever it lets in counts for any part, and still for one', async () => {
  const { requestId } = await hold('parts')
  house.clock.advance(2 * MINUTE)
  expect(await reviewWith(oncall, requestId)).toEqual({ state: 'pending', missing: 1 })
  expect(await codeOf(reviewWith(oncall, requestId))).toBe('ALREADY_REVIEWED')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await reviewWith(owner, requestId)).toEqual({ state: 'approved', missing: 0 })
})

test('escalation - nobody is let in after the decision by a step that never came', async () => {
  const { requestId } = await hold('steps-four')
  await reviewWith(owner, requestId)
  house.clock.advance(4 * MINUTE)
  expect(await codeOf(reviewWith(oncall, requestId, 'deny'))).toBe('ALREADY_DECIDED')
  const { timeline } = await house.desk.show(oncall, requestId)
  expect(timeline.map(({ what }) => what)).toEqual(['pending', 'approve', 'approved'])
  const revocation = { requestId, channel: 'cli', token: oncall }
  expect(await codeOf(house.desk.revoke(revocation))).toBe('NOT_A_REVIEWER')
  expect(await house.desk.revoke({ ...revocation, token: owner })).toEqual({ state: 'revoked' })
  expect(await steps(requestId)).toEqual([])
})

test('escalation - the owner of the agent is let in by no step', async () => {
  const { requestId } = await hold('steps-five')
  house.clock.advance(5 * MINUTE)
  expect(await codeOf(reviewAs(house, 'alice', requestId))).toBe('SELF_APPROVAL')
  expect(await reviewAs(house, 'bob', requestId)).toMatchObject({ state: 'approved' })
})
