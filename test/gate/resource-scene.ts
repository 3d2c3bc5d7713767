import type { WarrantClaims } from '#contract'
import { canonicalize, TYP } from '#contract'
import { createResource, type GateAttempt, type Release, type Resource, type ResourceAction } from '#gate'
import { signDocument } from '#warrant/issue'
import { attempt, configFor, type Scene, startScene } from '../support/gate-scene.ts'

/** An agent's gate, a broker that approves, and two processes of the service that checks for itself. */
export interface ResourceScene extends Scene {
  billing: Resource
  replica: Resource
  clock: { offsetMs: number }
  resourceOf(agentId: string, more?: object): Resource
  /** What an honest gate hands to the agent's call after an approval. */
  proofFor(action?: ResourceAction, more?: object): Promise<string>
  /** The same proof with another warrant in it, signed by the broker's own key where no other is given. */
  resigned(proof: string, change: (claims: WarrantClaims) => object, by?: Signing): string
  verified(proof: string, action?: ResourceAction, resource?: Resource): Promise<Release>
  /** The code of a refusal; fails where there is none. */
  refusedWith(proof: string | undefined, action?: ResourceAction, resource?: Resource): Promise<string>
  /** Back to an honest broker that has heard nothing, and will hear nothing of what was before. */
  reset(): Promise<void>
}

type Typ = (typeof TYP)[keyof typeof TYP]
type Key = Scene['broker']['keys']['broker']
interface Signing {
  key?: Key
  typ?: Typ
}

export const PAYOUT: ResourceAction = {
  kind: 'tool',
  name: 'payout',
  target: 'accounts/eu',
  arguments: { amount: 250, to: 'DE02' },
}

export async function startResourceScene(): Promise<ResourceScene> {
  const scene = await startScene({ resources: ['billing', 'shipping'] })
  const { broker, gate, nats } = scene
  const clock = { offsetMs: 0 }
  const resourceOf = (agentId: string, more = {}) =>
    createResource(
      { ...configFor(broker, nats.url), agentId, ...more },
      { now: () => Date.now() + clock.offsetMs },
    )
  const [billing, replica] = [resourceOf('billing'), resourceOf('billing')]
  await Promise.all([billing.start(), replica.start()])
  return {
    ...scene,
    billing,
    replica,
    clock,
    resourceOf,
    async proofFor(action = PAYOUT, more = {}) {
      broker.onRequest = () => 'approved'
      const held = await gate.hold(
        attempt({ resource: 'billing', ...(action as Partial<GateAttempt>), ...more }),
        (_approved, proof) => proof ?? '',
      )
      if (!held.ran) throw new Error(`refused: ${held.refusal.message}`)
      return held.value
    },
    resigned: (proof, change, { key = broker.keys.broker, typ = TYP.warrant } = {}) =>
      `${signDocument(typ, change(claimsOf(proof)), key)}~${partsOf(proof)[1]}`,
    async verified(proof, action = PAYOUT, resource = billing) {
      const answer = await resource.verifyWarrant(proof, action)
      if (!answer.ok) throw new Error(`refused: ${answer.refusal.code} ${answer.refusal.reason}`)
      return answer.release
    },
    async refusedWith(proof, action = PAYOUT, resource = billing) {
      const answer = await resource.verifyWarrant(proof, action)
      if (answer.ok) throw new Error('it was released')
      return answer.refusal.code
    },
    async reset() {
      clock.offsetMs = 0
      broker.onRequest = () => undefined
      broker.intercept = (_call, honest) => honest
      await Promise.all([billing.flush(2_000), replica.flush(2_000)])
      broker.outcomes.length = 0
      broker.calls.length = 0
    },
    async stop() {
      await Promise.all([billing.stop(), replica.stop()])
      await scene.stop()
    },
  }
}

export const partsOf = (proof: string): [warrant: string, disclosed: string] =>
  proof.split('~') as [string, string]

export const claimsOf = (proof: string): WarrantClaims =>
  JSON.parse(Buffer.from(proof.split('.')[1] as string, 'base64url').toString())

export const asItIs = (claims: WarrantClaims): object => claims

export function disclosing(proof: string, more: object): string {
  const [warrant, encoded] = partsOf(proof)
  const disclosed = JSON.parse(Buffer.from(encoded, 'base64url').toString())
  return `${warrant}~${Buffer.from(canonicalize({ ...disclosed, ...more })).toString('base64url')}`
}
