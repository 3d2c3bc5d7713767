import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ConsumeCall, digestJson, TYP, type WarrantClaims } from '#contract'
import { createGate } from '#gate'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { attempt, configFor, POLICY, type Scene, startScene } from '../support/gate-scene.ts'
import { createScriptedBroker, type ScriptedRequest } from '../support/scripted-broker.ts'

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
const lastRequest = () => scene.broker.requests.at(-1) as ScriptedRequest

/** Runs one held action against a broker that approves it; what comes back must be a refusal. */
async function refusedWith(gate = scene.gate) {
  scene.broker.onRequest = () => 'approved'
  const run = vi.fn()
  const held = await gate.hold(attempt(), run)
  expect(run).not.toHaveBeenCalled()
  if (held.ran) throw new Error('it ran')
  return held.refusal.code
}

const replaceWarrant = (
  change: (claims: WarrantClaims) => unknown,
  key?: PrivateKey,
  typ = TYP.warrant as string,
) => {
  scene.broker.intercept = ({ name }, honest) => {
    if (name !== 'claim') return honest
    const claims = structuredClone(scene.broker.warrantFor(lastRequest()))
    const changed = (change(claims) ?? claims) as object
    return {
      status: 'approved',
      warrant: signDocument(typ as 'holdpoint-warrant+jwt', changed, key ?? scene.broker.keys.broker),
    }
  }
}

describe('a warrant', () => {
  test('gate - an untouched warrant is accepted, so the refusals below mean something', async () => {
    replaceWarrant(() => undefined)
    scene.broker.onRequest = () => 'approved'
    expect(await scene.gate.hold(attempt(), () => 1)).toEqual({ ran: true, value: 1 })
  })

  test.each<[string, (claims: WarrantClaims) => unknown]>([
    [
      'for another action digest',
      (claims) => {
        claims.authorization_details[0].action_digest = digestJson('another')
      },
    ],
    [
      'for another request',
      (claims) => {
        claims.jti = claims.txn = '1-another'
      },
    ],
    [
      'for another enforcement point',
      (claims) => {
        claims.aud = 'in-process:other-agent'
      },
    ],
    [
      'for another kind of enforcement point',
      (claims) => {
        claims.aud = 'gateway:shop-agent'
      },
    ],
    [
      'for another trace',
      (claims) => {
        claims.hp.runtime.trace_id = 'a'.repeat(32)
      },
    ],
    [
      'for another span',
      (claims) => {
        claims.hp.runtime.span_id = 'a'.repeat(16)
      },
    ],
    [
      'of another issuer',
      (claims) => {
        claims.iss = 'evil.example/holdpoint'
      },
    ],
    [
      'that has expired',
      (claims) => {
        claims.iat -= 1000
        claims.nbf -= 1000
        claims.exp -= 1000
      },
    ],
    [
      'that is not valid yet',
      (claims) => {
        claims.nbf += 1000
      },
    ],
    [
      'that lives too long',
      (claims) => {
        claims.exp += 86_400
      },
    ],
    [
      'without an approver',
      (claims) => {
        claims.hp.approvals = []
      },
    ],
    [
      'that says denied',
      (claims) => {
        ;(claims.hp as { decision: string }).decision = 'denied'
      },
    ],
    ['that is no warrant', () => ({ hello: 'world' })],
  ])('gate - a warrant %s leaves the tool uncalled', async (_what, change) => {
    replaceWarrant(change)
    expect(['UNTRUSTED', 'STALE', 'WARRANT_MISMATCH']).toContain(await refusedWith())
    expect(
      scene.broker.calls.filter(({ name }) => name === 'consume').map(({ body }) => body.requestId),
    ).not.toContain(lastRequest().requestId)
  })

  test.each<[string, () => PrivateKey | undefined, string]>([
    ['signed by a stranger', () => stranger, TYP.warrant],
    ['signed by the policy key', () => scene.broker.keys.policy, TYP.warrant],
    [
      'signed by the organisation key, which signs key sets only',
      () => scene.broker.keys.organisation,
      TYP.warrant,
    ],
    ['that was signed as something else', () => undefined, TYP.consumed],
  ])('gate - a warrant %s leaves the tool uncalled', async (_what, key, typ) => {
    replaceWarrant(() => undefined, key(), typ)
    expect(await refusedWith()).toBe('UNTRUSTED')
  })

  test('gate - a warrant whose signature was tampered with leaves the tool uncalled', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'claim' ? { ...honest, warrant: `${String(honest.warrant).slice(0, -6)}AAAAAA` } : honest
    expect(await refusedWith()).toBe('UNTRUSTED')
  })
})

describe('the answer to consume', () => {
  const replaceConsumed = (change: (claims: Record<string, unknown>) => void, key?: PrivateKey) => {
    scene.broker.intercept = ({ name, body }, honest) => {
      if (name !== 'consume' || typeof honest.consumed !== 'string') return honest
      const claims = JSON.parse(Buffer.from(honest.consumed.split('.')[1] as string, 'base64url').toString())
      change(claims)
      expect((body as unknown as ConsumeCall).requestId).toBe(lastRequest().requestId)
      return { consumed: signDocument(TYP.consumed, claims, key ?? scene.broker.keys.broker) }
    }
  }

  test.each<[string, (claims: Record<string, unknown>) => void]>([
    [
      'with an old nonce',
      (claims) => {
        claims.nonce = 'an-older-nonce-of-somebody'
      },
    ],
    [
      'for another request',
      (claims) => {
        claims.jti = '1-another'
      },
    ],
    [
      'for another action',
      (claims) => {
        claims.action_digest = digestJson('another')
      },
    ],
    [
      'for another enforcement point',
      (claims) => {
        claims.aud = 'in-process:other-agent'
      },
    ],
    [
      'that has expired',
      (claims) => {
        claims.iat = Number(claims.iat) - 1000
        claims.exp = Number(claims.exp) - 1000
      },
    ],
  ])('gate - an answer %s leaves the tool uncalled', async (_what, change) => {
    replaceConsumed(change)
    expect(['UNTRUSTED', 'STALE', 'WARRANT_MISMATCH']).toContain(await refusedWith())
    await scene.gate.flush(2_000)
    expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'not_run' })
  })

  test('gate - an answer signed by a stranger leaves the tool uncalled', async () => {
    replaceConsumed(() => {}, stranger)
    expect(await refusedWith()).toBe('UNTRUSTED')
  })

  test('gate - an approval that is already spent leaves the tool uncalled', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'consume' ? { error: { code: 'ALREADY_SPENT', message: 'spent' } } : honest
    expect(await refusedWith()).toBe('ALREADY_SPENT')
  })

  test('gate - a consume that nobody answers is repeated with the same nonce, then the tool stays uncalled', async () => {
    const nonces: unknown[] = []
    const gate = createGate(
      { ...configFor(scene.broker, scene.nats.url), requestTimeoutMs: 2_400 },
      { now: Date.now },
    )
    await gate.start()
    scene.broker.intercept = ({ name, body }, honest) => {
      if (name !== 'consume') return honest
      nonces.push(body.nonce)
      return undefined
    }
    expect(await refusedWith(gate)).toBe('BROKER_UNAVAILABLE')
    expect(nonces.length).toBeGreaterThan(1)
    expect(new Set(nonces).size).toBe(1)
    await gate.stop()
  })
})

describe('any answer', () => {
  test.each(['request', 'claim', 'consume'])(
    'gate - garbage in answer to %s leaves the tool uncalled',
    async (call) => {
      for (const garbage of [
        '',
        'not json',
        '[]',
        '{"status":"approved"}',
        '{"consumed":7}',
        '{"a":1,"a":2}',
      ]) {
        scene.broker.timeoutMs = 50
        scene.broker.intercept = ({ name }, honest) => (name === call ? garbage : honest)
        expect(['BROKER_UNAVAILABLE', 'APPROVAL_EXPIRED']).toContain(await refusedWith())
      }
      scene.broker.timeoutMs = 60_000
    },
  )

  test.each(['request', 'consume'])(
    'gate - silence in answer to %s leaves the tool uncalled',
    async (call) => {
      scene.broker.intercept = ({ name }, honest) => (name === call ? undefined : honest)
      expect(await refusedWith()).toBe('BROKER_UNAVAILABLE')
    },
  )

  test('gate - a broker that took a digest of another action is not waited for', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'request' ? { ...honest, actionDigest: digestJson('another') } : honest
    expect(await refusedWith()).toBe('WARRANT_MISMATCH')
  })

  test('gate - a denial by the broker counts where the gate would only have held', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'request'
        ? { status: 'denied', code: 'APPROVAL_DENIED', reason: 'Denied an hour ago', rule: 'export' }
        : honest
    expect(await refusedWith()).toBe('APPROVAL_DENIED')
  })

  test('gate - an error with an unknown code is a refusal', async () => {
    scene.broker.intercept = ({ name }, honest) =>
      name === 'request' ? { error: { code: 'APPROVED_REALLY', message: 'run it' } } : honest
    expect(await refusedWith()).toBe('INTERNAL')
  })
})

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

test('gate - hints that anybody sends decide nothing', async () => {
  const { connect } = await import('@nats-io/transport-node')
  const nc = await connect({ servers: scene.nats.url })
  const run = vi.fn()
  const caller = new AbortController()
  const before = scene.broker.requests.length
  const held = scene.gate.hold(attempt({ signal: caller.signal }), run)
  await vi.waitFor(() => expect(scene.broker.requests.length).toBe(before + 1))
  const { requestId } = lastRequest()
  const claims = () =>
    scene.broker.calls.filter(({ name, body }) => name === 'claim' && body.requestId === requestId).length
  const asked = claims()
  for (const hint of [
    '',
    '{',
    '{"hint":"run"}',
    '{"hint":"settled"}',
    `{"hint":"settled","requestId":"${requestId}"}`,
  ])
    nc.publish('_INBOX.shop-agent.hint', hint)
  await vi.waitFor(() => expect(claims()).toBeGreaterThan(asked))
  expect(run).not.toHaveBeenCalled()
  caller.abort()
  await held
  await nc.close()
})
