import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { attempt, type Scene, startScene } from '../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../support/spans.ts'

let scene: Scene
let spans: RecordedSpans

beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
})
afterAll(async () => {
  await scene.stop()
  await spans.stop()
})
beforeEach(() => {
  spans.reset()
  scene.broker.calls.length = 0
  scene.broker.outcomes.length = 0
})
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
})

/** A value that is small when it is judged and large when it is used. */
function shifty(name: string, honestReads: number, [first, later]: [number, number]): object {
  let reads = 0
  return Object.defineProperty({}, name, {
    enumerable: true,
    get: () => (reads++ < honestReads ? first : later),
  })
}

test.each([0, 1, 2, 3, 4])(
  'gate - a getter that changes its mind after %i reads runs only what was ruled on',
  async (reads) => {
    scene.broker.onRequest = () => 'denied'
    const paid: number[] = []
    await scene.gate.hold(
      attempt({ name: 'issue_refund', arguments: shifty('amount', reads, [10, 1_000_000]) }),
      (approved) => paid.push((approved as { amount: number }).amount),
    )
    expect(paid.filter((amount) => amount > 50)).toEqual([])
  },
)

test.each([1, 2, 3, 4, 5, 8, 12])(
  'gate - arguments that the caller changes %i turns after the call do not reach an allowed tool',
  async (turns) => {
    const given = { amount: 10 }
    const run = vi.fn()
    const held = scene.gate.hold(attempt({ name: 'issue_refund', arguments: given }), run)
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    given.amount = 1_000_000
    await held
    expect(run).toHaveBeenCalledWith({ amount: 10 })
  },
)

test('gate - an allowed tool may change the arguments that it gets, and its caller does not see it', async () => {
  const given = { ids: [1] }
  await scene.gate.hold(attempt({ name: 'lookup_customer', arguments: given }), (approved) => {
    ;(approved as typeof given).ids.push(2)
  })
  expect(given).toEqual({ ids: [1] })
})

test('gate - an approval that somebody else has spent is none of our outcomes', async () => {
  scene.broker.onRequest = () => 'approved'
  scene.broker.intercept = ({ name }, honest) =>
    name === 'consume' ? { error: { code: 'ALREADY_SPENT', message: 'spent' } } : honest
  const held = await scene.gate.hold(attempt(), () => 'ran')
  expect(held).toMatchObject({ ran: false, refusal: { code: 'ALREADY_SPENT' } })
  await scene.gate.flush(1_000)
  expect(scene.broker.outcomes).toEqual([])
})

test.each<[string, () => unknown]>([
  ['a number for a name', () => Object.assign(new Error('disk full'), { name: 42 })],
  ['no name at all', () => Object.assign(new Error('disk full'), { name: undefined })],
  ['half a character in its name', () => Object.assign(new Error('disk full'), { name: 'Bad\ud800' })],
  [
    'a name that throws',
    () =>
      Object.defineProperty(new Error('disk full'), 'name', {
        get: () => {
          throw new Error('no')
        },
      }),
  ],
  [
    'a message that throws',
    () =>
      Object.defineProperty(new Error(), 'message', {
        get: () => {
          throw new Error('no')
        },
      }),
  ],
  [
    'a revoked proxy for an error',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
  ],
])('gate - an error with %s reaches the caller, the span and the ledger', async (_what, make) => {
  scene.broker.onRequest = () => 'approved'
  const error = make()
  let caught: unknown
  await scene.gate
    .hold(attempt(), () => Promise.reject(error))
    .catch((thrown) => {
      caught = thrown
    })
  expect(Object.is(caught, error)).toBe(true)
  expect(spans.named('execute_tool export_customers')).toHaveLength(1)
  await scene.gate.flush(1_000)
  expect(scene.broker.outcomes).toMatchObject([{ outcome: 'failed', errorType: expect.any(String) }])
})

test.each([
  ['far too long', 'e'.repeat(1_000)],
  ['half a character', 'tool\ud800'],
  ['empty', ''],
])('gate - an error type of the framework that is %s still reaches the ledger', async (_what, errorType) => {
  scene.broker.onRequest = () => 'approved'
  await scene.gate.hold(attempt({ failureIn: () => errorType }), () => 'result')
  await scene.gate.flush(1_000)
  expect(scene.broker.outcomes).toMatchObject([{ outcome: 'failed' }])
})

test('gate - what cannot be parsed is not shown on the span: arguments may be secrets', async () => {
  const held = await scene.gate.hold(attempt({ argumentsText: '{"password": hunter2}' }), () => 'ran')
  expect(held).toMatchObject({ ran: false, refusal: { code: 'INVALID_INPUT' } })
  const [span] = spans.named('execute_tool export_customers')
  expect(JSON.stringify([span?.status, span?.attributes])).not.toMatch(/hunter/)
})
