import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { generateKey, loadKey } from '#warrant/issue'
import { PAYOUT, type ResourceScene, startResourceScene } from './resource-scene.ts'

let scene: ResourceScene
beforeAll(async () => {
  scene = await startResourceScene()
})
afterAll(() => scene.stop())
afterEach(() => scene.reset())

/** Refused, and before the broker was asked to spend anything. */
async function refusedUnspent(proof: string | undefined, action = PAYOUT, resource = scene.billing) {
  scene.broker.calls.length = 0
  const code = await scene.refusedWith(proof, action, resource)
  expect(scene.broker.calls.filter(({ name }) => name === 'consume')).toEqual([])
  return code
}

describe('a genuine warrant', () => {
  test('resource - what was approved runs once, and who acted and who authorized it is known', async () => {
    const release = await scene.verified(await scene.proofFor())
    expect(release).toMatchObject({
      requestId: scene.broker.requests.at(-1)?.requestId,
      action: PAYOUT,
      agent: { iss: scene.broker.origin, sub: 'shop-agent' },
      onBehalfOf: [],
      approvals: [{ sub: 'rosa', name: 'Rosa Reviewer', assurance: 'login' }],
      policyVersion: 1,
    })
    expect(Object.isFrozen(release.action.arguments)).toBe(true)
    const pay = vi.fn((approved: unknown) => approved)
    expect(await release.run(pay)).toEqual(PAYOUT.arguments)
    await expect(release.run(pay)).rejects.toMatchObject({ code: 'ALREADY_SPENT' })
    release.done('failed')
    expect(pay).toHaveBeenCalledTimes(1)
    await scene.billing.flush(2_000)
    expect(scene.broker.outcomes).toMatchObject([{ requestId: release.requestId, outcome: 'executed' }])
  })

  test('resource - the span that consumed is the agent’s, the process is the resource’s', async () => {
    const proof = await scene.proofFor()
    await scene.verified(proof)
    const { traceId, spanId } = scene.broker.requests.at(-1)?.attempt.action.trace ?? {}
    const [consume] = scene.broker.calls.filter(({ name }) => name === 'consume')
    expect(consume).toMatchObject({ agentId: 'billing', body: { trace: { traceId, spanId } } })
    const greeted = scene.broker.calls.some(({ body }) => body.process === consume?.body.process)
    expect(greeted).toBe(true)
  })

  test('resource - what throws has failed, and its error is its own', async () => {
    const release = await scene.verified(await scene.proofFor())
    const broken = new RangeError('no funds')
    await expect(release.run(() => Promise.reject(broken))).rejects.toBe(broken)
    await scene.billing.flush(2_000)
    expect(scene.broker.outcomes).toMatchObject([{ outcome: 'failed', errorType: 'RangeError' }])
  })

  test('resource - the precondition that people relied on reaches the service', async () => {
    const proof = await scene.proofFor(PAYOUT, { bindings: { precondition: 'etag-7' } })
    expect((await scene.verified(proof)).precondition).toBe('etag-7')
  })

  test('resource - JSON text is read strictly, and is what runs', async () => {
    const { arguments: given, ...names } = PAYOUT
    const release = await scene.verified(await scene.proofFor(), {
      ...names,
      argumentsText: '{ "to": "DE02", "amount": 2.5e2 }',
    })
    expect(release.action.arguments).toEqual(given)
  })

  test('resource - what the service changes after asking is not what runs', async () => {
    const proof = await scene.proofFor()
    const body = { amount: 250, to: 'DE02' }
    const asked = scene.billing.verifyWarrant(proof, { ...PAYOUT, arguments: body })
    body.amount = 1_000_000
    expect(await asked).toMatchObject({ ok: true, release: { action: PAYOUT } })
  })

  test('resource - played back a hundred times at two replicas, it runs once', async () => {
    const proof = await scene.proofFor()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, nth) =>
        (nth % 2 ? scene.billing : scene.replica).verifyWarrant(proof, PAYOUT),
      ),
    )
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
    const codes = answers.flatMap((answer) => (answer.ok ? [] : [answer.refusal.code]))
    expect(new Set(codes)).toEqual(new Set(['ALREADY_SPENT']))
    await scene.billing.flush(1_000)
    expect(scene.broker.outcomes).toEqual([])
  })

  test('resource - an outcome that the broker does not take at once is said again', async () => {
    let lost = 0
    scene.broker.intercept = ({ name }, honest) =>
      name === 'outcome' && lost++ === 0 ? { error: { code: 'UNAVAILABLE', message: 'later' } } : honest
    const release = await scene.verified(await scene.proofFor())
    release.done('executed')
    await scene.billing.flush(4_000)
    expect(lost).toBe(2)
    expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'executed' })
  })
})

describe('a call that is another than the approved one', () => {
  test.each<[string, object]>([
    ['of another kind', { kind: 'http' }],
    ['of another name', { name: 'payout_all' }],
    ['at another target', { target: 'accounts/us' }],
    ['without its target', { target: undefined }],
    ['with another amount', { arguments: { amount: 2500, to: 'DE02' } }],
    ['with one argument more', { arguments: { amount: 250, to: 'DE02', force: true } }],
    ['with one argument less', { arguments: { amount: 250 } }],
    ['with a number as text', { arguments: { amount: '250', to: 'DE02' } }],
    ['with null for nothing', { arguments: null }],
    ['in a list', { arguments: [{ amount: 250, to: 'DE02' }] }],
  ])('resource - a call %s is refused', async (_what, change) => {
    const proof = await scene.proofFor()
    expect(await refusedUnspent(proof, { ...PAYOUT, ...change })).toBe('WARRANT_MISMATCH')
    // It is still good for what it was given for.
    await scene.verified(proof)
  })

  test.each<[string, object]>([
    ['a key twice', { arguments: undefined, argumentsText: '{"amount":250,"amount":250,"to":"DE02"}' }],
    ['an integer beyond 2^53', { arguments: undefined, argumentsText: '{"amount":9007199254740993}' }],
    ['a lone surrogate', { arguments: { to: '\ud800' } }],
    ['no arguments at all', { arguments: undefined }],
    ['a function', { arguments: { amount: () => 250 } }],
    ['an instance of a class', { arguments: new Date() }],
  ])('resource - a call with %s is refused', async (_what, change) => {
    expect(await refusedUnspent(await scene.proofFor(), { ...PAYOUT, ...change })).toBe('INVALID_INPUT')
  })
})

describe('a resource that is not ready', () => {
  test('resource - one that reaches no broker refuses, and so does one that was stopped', async () => {
    const proof = await scene.proofFor()
    const alone = scene.resourceOf('billing', { natsUrl: 'nats://127.0.0.1:1', requestTimeoutMs: 100 })
    await alone.start()
    expect(await scene.refusedWith(proof, PAYOUT, alone)).toBe('BROKER_UNAVAILABLE')
    await alone.stop()
    await alone.stop()
    expect(await scene.refusedWith(proof, PAYOUT, alone)).toBe('BROKER_UNAVAILABLE')
  })

  test('resource - what is registered as an agent is none', async () => {
    const agent = scene.resourceOf(scene.broker.agentId)
    await agent.start()
    expect(await scene.refusedWith(await scene.proofFor(), PAYOUT, agent)).toBe('INVALID_CONFIG')
    await agent.stop()
  })

  test('resource - one that was pinned to another house believes nothing', async () => {
    const pin = `ed25519:${loadKey(generateKey().seed).x}`
    const elsewhere = scene.resourceOf('billing', { pin, requestTimeoutMs: 200 })
    await elsewhere.start()
    expect(await scene.refusedWith(await scene.proofFor(), PAYOUT, elsewhere)).toBe('POLICY_UNAVAILABLE')
    await elsewhere.stop()
  })

  test('resource - a pin that is none stops it before it starts', () => {
    expect(() => scene.resourceOf('billing', { pin: 'ed25519:short' })).toThrow(/pin/)
  })
})
