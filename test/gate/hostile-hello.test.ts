import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { TYP } from '#contract'
import { createGate } from '#gate'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { attempt, configFor, POLICY, type Scene, startScene } from '../support/gate-scene.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  scene.broker.onRequest = () => undefined
  scene.broker.intercept = (_call, honest) => honest
})

const stranger = loadKey(generateKey().seed)

describe('what the broker says hello with', () => {
  /** A gate of its own, that hears `documents` and nothing else. */
  async function codeAfterHello(documents: object, more: Partial<{ pin: string }> = {}) {
    scene.broker.intercept = ({ name }, honest) => (name === 'hello' ? { ...honest, ...documents } : honest)
    const config = { ...configFor(scene.broker, scene.nats.url), requestTimeoutMs: 300, ...more }
    const gate = createGate(config, { now: Date.now })
    await gate.start()
    const run = vi.fn()
    const held = await gate.hold(attempt({ name: 'lookup_customer' }), run)
    await gate.stop()
    expect(run).not.toHaveBeenCalled()
    return held.ran ? 'ran' : held.refusal.code
  }
  const iat = Math.floor(Date.now() / 1000)
  const policy = (more: object = {}) => ({
    v: 1,
    origin: scene.broker.origin,
    version: 9,
    iat,
    exp: iat + 1000,
    source: POLICY,
    ...more,
  })
  const signed = (
    payload: object,
    key: PrivateKey,
    typ: 'holdpoint-policy+jws' | 'holdpoint-registration+jws' = TYP.policy,
  ) => signDocument(typ, payload, key)

  test('gate - a policy signed by a stranger is refused, and everything is held', async () => {
    expect(await codeAfterHello({ policy: signed(policy(), stranger) })).toBe('POLICY_UNAVAILABLE')
  })
  test('gate - a policy signed by the broker’s own key is refused', async () => {
    expect(await codeAfterHello({ policy: signed(policy(), scene.broker.keys.broker) })).toBe(
      'POLICY_UNAVAILABLE',
    )
  })
  test('gate - a policy that has expired is refused', async () => {
    const old = policy({ iat: iat - 100, exp: iat - 90 })
    expect(await codeAfterHello({ policy: signed(old, scene.broker.keys.policy) })).toBe('POLICY_UNAVAILABLE')
  })
  test('gate - a policy of another trust domain is refused', async () => {
    const other = policy({ origin: 'evil.example/holdpoint' })
    expect(await codeAfterHello({ policy: signed(other, scene.broker.keys.policy) })).toBe(
      'POLICY_UNAVAILABLE',
    )
  })
  test('gate - a policy that cannot be compiled is refused', async () => {
    const broken = policy({ source: 'holdpoint: 1\nrulez: []\n' })
    expect(await codeAfterHello({ policy: signed(broken, scene.broker.keys.policy) })).toBe(
      'POLICY_UNAVAILABLE',
    )
  })
  test('gate - a tampered policy is refused', async () => {
    const honest = scene.broker.documents().policy
    const [head, body, signature] = honest.split('.') as [string, string, string]
    const text = Buffer.from(body, 'base64url').toString().replace('effect: deny', 'effect: hold')
    const tampered = [head, Buffer.from(text).toString('base64url'), signature].join('.')
    expect(tampered).not.toBe(honest)
    expect(await codeAfterHello({ policy: tampered })).toBe('POLICY_UNAVAILABLE')
  })
  test('gate - a foreign key set with everything it signs is refused', async () => {
    const foreign = createScriptedBroker({ policy: POLICY })
    expect(await codeAfterHello(foreign.documents())).toBe('POLICY_UNAVAILABLE')
  })
  test('gate - another organisation’s pin refuses this broker', async () => {
    const foreign = createScriptedBroker({ policy: POLICY })
    expect(await codeAfterHello({}, { pin: foreign.pin })).toBe('POLICY_UNAVAILABLE')
  })
  test('gate - the registration of another agent is refused', async () => {
    const other = {
      v: 1,
      version: 1,
      iat,
      agent: { iss: scene.broker.origin, sub: 'other-agent', name: 'Other' },
      owner: { iss: 'https://idp.example.com', sub: 'olga' },
      environment: 'dev',
      enforcement: 'in-process',
    }
    const registration = signed(other, scene.broker.keys.registry, TYP.registration)
    expect(await codeAfterHello({ registration })).toBe('POLICY_UNAVAILABLE')
  })
  test.each([{ keySet: '' }, { policy: 7 }, { heartbeatMs: 0 }, { heartbeatMs: 1e12 }])(
    'gate - a hello of another shape, %j, is as good as none',
    async (documents) => {
      expect(await codeAfterHello(documents)).toBe('BROKER_UNAVAILABLE')
    },
  )

  test('gate - a registration that is gone holds everything; a broker in trouble changes nothing', async () => {
    const own = await startScene()
    const code = async () => {
      const held = await own.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)
      return held.ran ? 'ran' : held.refusal.code
    }
    const hellos = () => own.broker.calls.filter(({ name }) => name === 'hello').length
    const answerHello = async (error: string) => {
      const before = hellos()
      own.broker.intercept = ({ name }, honest) =>
        name === 'hello' ? { error: { code: error, message: '' } } : honest
      own.broker.publishPolicy(POLICY, 2)
      await vi.waitFor(() => expect(hellos()).toBeGreaterThan(before), { timeout: 5_000 })
    }
    try {
      expect(await code()).toBe('ran')
      await answerHello('LEDGER_UNAVAILABLE')
      expect(await code()).toBe('ran')
      await answerHello('UNKNOWN_AGENT')
      await vi.waitFor(async () => expect(await code()).toBe('POLICY_UNAVAILABLE'), { timeout: 5_000 })
    } finally {
      await own.stop()
    }
  })

  test('gate - an older policy than one already seen is refused, and everything is held until a newer one comes', async () => {
    const own = await startScene()
    const lookup = () => own.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)
    const code = async () => {
      const held = await lookup()
      return held.ran ? 'ran' : held.refusal.code
    }
    try {
      own.broker.publishPolicy(POLICY, 3)
      await vi.waitFor(async () => expect(await code()).toBe('ran'))
      own.broker.publishPolicy(POLICY.replace('effect: deny', 'effect: allow'), 2)
      await vi.waitFor(async () => expect(await code()).toBe('POLICY_UNAVAILABLE'))
      own.broker.publishPolicy(POLICY, 4)
      await vi.waitFor(async () => expect(await code()).toBe('ran'), { timeout: 5_000 })
    } finally {
      await own.stop()
    }
  })

  test('gate - a policy holds everything once it has expired', async () => {
    let nowMs = Date.now()
    const own = await startScene({ now: () => nowMs })
    try {
      expect(await own.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)).toMatchObject({ ran: true })
      nowMs += 90_000_000
      const held = await own.gate.hold(attempt({ name: 'lookup_customer' }), () => 1)
      expect(held).toMatchObject({ ran: false, refusal: { code: 'POLICY_UNAVAILABLE' } })
    } finally {
      await own.stop()
    }
  })
})
