import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ConsumeCall, digestJson, TYP, type WarrantClaims } from '#contract'
import { createGate } from '#gate'
import { generateKey, loadKey, type PrivateKey, signDocument } from '#warrant/issue'
import { attempt, configFor, type Scene, startScene } from '../support/gate-scene.ts'
import type { ScriptedRequest } from '../support/scripted-broker.ts'

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
