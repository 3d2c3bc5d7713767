import type { Context } from 'hono'
import type { TrustedKey, TrustReply } from '#contract'
import { answerTagged } from '../etag.ts'
import { type Route, refuseQuery } from './route.ts'

const JWK_SET = 'application/jwk-set+json'

/** Public keys: for everybody, to be kept for a while. */
export const createKeysRoutes = ({ trust }: { trust: () => Promise<TrustReply> }): Route[] => [
  {
    method: 'GET',
    path: '/v1/keys',
    async handle(c) {
      refuseQuery(c)
      return answerCacheable(c, JSON.stringify(await trust()), 'application/json')
    },
  },
  {
    method: 'GET',
    path: '/.well-known/jwks.json',
    produces: [JWK_SET, 'application/json'],
    async handle(c) {
      refuseQuery(c)
      const { keys } = await trust()
      const signing = keys.filter(({ use }) => use === 'broker').map(jwkOf)
      return answerCacheable(c, JSON.stringify({ keys: signing }), JWK_SET)
    },
  },
]

/** RFC 8037. The algorithm stands in every key: a verifier has nothing to choose (RFC 8725, 3.1). */
const jwkOf = ({ kid, x }: TrustedKey) => ({ kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' })

/** Short: a key that was taken back must not live on in caches. */
function answerCacheable(c: Context, bytes: string, type: string): Response {
  c.header('cache-control', 'public, max-age=300')
  return answerTagged(c, bytes, type)
}
