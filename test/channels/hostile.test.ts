import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonicalize, cardModel, parseJson, renderHash, type WebhookMessage, WHOLE_CARD } from '#contract'
import { eventually, holdAction } from '../support/held.ts'
import { HOSTILE_TEXTS, hostileAttempts } from '../support/hostile.ts'
import { endpointOf, type Scene, SECRET, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  const endpoint = endpointOf({ url: scene.receiver.url, events: ['opened'] })
  await scene.serve({ endpoints: [endpoint] })
})
afterAll(() => scene?.stop())

test('webhook - the corpus is there', () => {
  expect(hostileAttempts().length).toBeGreaterThan(50)
})

test.each(hostileAttempts())(
  'webhook - $name arrives as it was, and can be seen',
  async ({ name, attempt }) => {
    const { receiver } = scene
    const { requestId } = await holdAction(scene.agent, attempt)
    const [received] = await eventually(
      async () => receiver.received.filter(({ headers }) => headers['webhook-id'] === `opened_${requestId}`),
      (found) => found.length > 0,
    )
    receiver.received.length = 0
    if (!received) throw new Error('nothing came')
    new Webhook(SECRET).verify(received.body, received.headers)
    const { data } = parseJson(received.body) as unknown as WebhookMessage
    expect(renderHash(data.card)).toBe(data.renderHash)
    expect(data.card.action.name).toBe(attempt.action.name)
    expect(canonicalize(data.card.action.arguments)).toBe(canonicalize(attempt.action.arguments))
    expect(data.model).toEqual(cardModel(data.card, WHOLE_CARD))

    const raw = HOSTILE_TEXTS.find((one) => one.name === name && one.dangerousIn === 'everywhere')?.raw
    const texts = data.model.sections.flatMap(({ fields }) => fields.map(({ text }) => text))
    if (raw !== undefined) expect(texts.filter((text) => text.includes(raw))).toEqual([])
  },
)
