import { type ConsumeCall, type ConsumedClaims, TYP, type WarrantClaims } from '#contract'
import { type PrivateKey, signDocument } from '#warrant/issue'
import { attempt, type Scene } from '../../support/gate-scene.ts'
import type { ScriptedRequest } from '../../support/scripted-broker.ts'
import { consumedClaims } from '../../support/scripted-claims.ts'

/** What a broker that lies sends instead of its warrant. */
export type Forge = (claims: WarrantClaims, broker: Scene['broker']) => string

export const sign = (claims: object, key: PrivateKey, typ: string = TYP.warrant): string =>
  signDocument(typ as typeof TYP.warrant, claims, key)

/** Holds an action that is approved, before a broker that forges. What runs in spite of that is the attacker's. */
export async function holdWith(
  scene: Scene,
  forged: { warrant?: Forge; consumed?: (claims: ConsumedClaims) => object },
): Promise<string | undefined> {
  const { broker, gate } = scene
  broker.onRequest = () => 'approved'
  broker.intercept = ({ name, body }, honest) => {
    const request = broker.requests.at(-1) as ScriptedRequest
    if (name === 'claim' && forged.warrant && honest.status === 'approved')
      return { ...honest, warrant: forged.warrant(broker.warrantFor(request), broker) }
    if (name === 'consume' && forged.consumed && 'consumed' in honest) {
      const claims = consumedClaims(request, body as unknown as ConsumeCall, broker.origin)
      return {
        consumed: signDocument(TYP.consumed, forged.consumed(claims as ConsumedClaims), broker.keys.broker),
      }
    }
    return honest
  }
  try {
    const held = await gate.hold(attempt(), () => 'ran')
    if (held.ran) return 'the tool ran'
    return EXPECTED.has(held.refusal.code) ? undefined : `it was refused with ${held.refusal.code}`
  } finally {
    broker.intercept = (_call, honest) => honest
    broker.onRequest = () => undefined
  }
}
const EXPECTED: ReadonlySet<string> = new Set(['UNTRUSTED', 'STALE', 'WARRANT_MISMATCH'])
