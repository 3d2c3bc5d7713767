import type { SignInIssuer, TrustedIssuer } from '#identity'
import { issuersForSignIn, trustedIssuers } from '../issuers.ts'
import { complaint, type Finding, messageOf, ok, orOk } from './finding.ts'
import { clockOf } from './nats.ts'
import type { Scene } from './scene.ts'
import { skewOf } from './servers.ts'

/** Those that the broker accepts: with a shared secret, whoever can verify could also forge. */
const ALGORITHMS = ['EdDSA', 'ES256', 'ES384', 'PS256', 'RS256']
const ANSWERS_WITHIN_MS = 5_000
/** A Date header has whole seconds. */
const SECOND_MS = 1_000

interface Metadata {
  issuer?: string
  jwks_uri?: string
  token_endpoint?: string
  authorization_endpoint?: string
  device_authorization_endpoint?: string
  code_challenge_methods_supported?: string[]
}

/** Each identity provider: that it is the one it should be, that its tokens can be verified, that people can sign in. */
export async function checkIdentity(scene: Scene): Promise<Finding[]> {
  const trusted = trustedIssuers(scene.config)
  if (trusted.length === 0)
    return [
      complaint('identity', {
        what: 'identity.issuers is empty, and no `holdpoint up` runs from this data folder',
        why: 'nobody can sign in, and so nobody can release anything',
        mend: 'identity.issuers: issuer, audience, clientId',
      }),
    ]
  const forSignIn = await Promise.resolve()
    .then(() => issuersForSignIn(scene.config, scene.cwd))
    .catch((error: unknown) => messageOf(error))
  const signInFindings =
    typeof forSignIn === 'string'
      ? [
          complaint('identity client', {
            level: 'warning',
            what: forSignIn,
            why: 'a broker can verify tokens, but at this machine nobody could sign in',
            mend: 'a clientId for one of identity.issuers, if a desk runs here',
          }),
        ]
      : []
  const findings = await Promise.all(
    trusted.map((issuer) => {
      const client =
        typeof forSignIn === 'string' ? undefined : forSignIn.find((one) => one.issuer === issuer.issuer)
      return looked(scene, issuer, client)
    }),
  )
  return [...findings.flat(), ...signInFindings]
}

async function looked(scene: Scene, trusted: TrustedIssuer, client?: SignInIssuer): Promise<Finding[]> {
  const { issuer, discoveryUrl } = trusted
  const at = discoveryUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  if (!isSafe(at))
    return [
      complaint('identity', {
        what: `${issuer} is reached over plain HTTP`,
        why: 'what comes over it is anybody’s word: whoever is between decides who is signed in',
        mend: 'an https address',
      }),
    ]
  let metadata: Metadata
  let clock: Finding
  try {
    const sentAtMs = scene.now()
    const response = await get(at)
    clock = clockAt(scene, issuer, response, sentAtMs)
    metadata = (await response.json()) as Metadata
  } catch (error) {
    return [
      complaint('identity', {
        what: `${at}: ${messageOf(error)}`,
        why: 'tokens cannot be verified, and so nobody can review',
        mend: 'look at the network and the provider; issuer has to be written exactly as the provider writes it',
      }),
    ]
  }
  if (metadata.issuer !== issuer)
    return [
      complaint('identity', {
        what: `${at} speaks for ${metadata.issuer}, expected ${issuer}`,
        why: 'every token is refused: its issuer is another than the configured one',
        mend: 'write identity.issuers.issuer exactly as the provider does, with or without the slash at its end',
      }),
    ]
  return [
    ok('identity', issuer),
    clock,
    await keysOf(trusted, metadata),
    ...(client ? await clientOf(client, metadata) : []),
  ]
}

function clockAt({ now }: Scene, issuer: string, response: Response, sentAtMs: number): Finding {
  const dateMs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(dateMs))
    return { check: 'identity clock', level: 'assumed', what: `${issuer} sends no Date` }
  return clockOf('identity clock', issuer, skewOf(dateMs, sentAtMs - SECOND_MS, now()))
}

async function keysOf({ issuer, jwksUri }: TrustedIssuer, { jwks_uri }: Metadata): Promise<Finding> {
  const at = jwksUri ?? jwks_uri ?? ''
  const why = 'tokens cannot be verified, and so nobody can review'
  const mend = `the provider has to sign with one of ${ALGORITHMS.join(', ')}, and publish the keys over https`
  try {
    if (!isSafe(at)) throw new Error(`${JSON.stringify(at)}, expected https`)
    const { keys = [] } = (await (await get(at)).json()) as {
      keys?: { alg?: string; kty?: string; use?: string }[]
    }
    const usable = keys.filter(
      ({ alg, kty = '', use = 'sig' }) =>
        use === 'sig' && (alg === undefined ? ['RSA', 'EC', 'OKP'].includes(kty) : ALGORITHMS.includes(alg)),
    )
    if (usable.length > 0) return ok('identity keys', `${issuer}: ${usable.length} usable of ${keys.length}`)
    return complaint('identity keys', {
      what: `${issuer}: none of its ${keys.length} keys can be used`,
      why,
      mend,
    })
  } catch (error) {
    return complaint('identity keys', { what: `${issuer}: ${messageOf(error)}`, why, mend })
  }
}

async function clientOf(client: SignInIssuer, metadata: Metadata): Promise<Finding[]> {
  const check = 'identity client'
  const complaints: Finding[] = []
  const methods = metadata.code_challenge_methods_supported
  if (methods !== undefined && !methods.includes('S256'))
    complaints.push(
      complaint(check, {
        what: `${client.issuer} supports the code challenges ${methods.join(', ') || 'none'}, expected S256`,
        why: 'people cannot sign in at the console: it always uses PKCE',
        mend: 'turn PKCE on for the client',
      }),
    )
  if (metadata.device_authorization_endpoint === undefined)
    complaints.push(
      complaint(check, {
        level: 'warning',
        what: `${client.issuer} has no device authorization endpoint`,
        why: '`holdpoint login` does not work with it; the console does',
        mend: 'turn the device flow on for the client, if people decide at the command line',
      }),
    )
  const refusal = await refusalOfClient(client, metadata)
  if (refusal) complaints.push(refusal)
  return orOk(check, complaints, `${client.issuer} knows ${client.clientId}`)
}

/** A code that nobody was given: a provider that knows the client says so (invalid_grant), another says invalid_client. */
async function refusalOfClient(
  client: SignInIssuer,
  { token_endpoint: at }: Metadata,
): Promise<Finding | undefined> {
  const { clientId, clientSecret, issuer } = client
  if (at === undefined || !isSafe(at)) return undefined
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: 'holdpoint-doctor',
    redirect_uri: 'http://127.0.0.1/',
    code_verifier: 'holdpoint-doctor'.repeat(3),
    ...(clientSecret === undefined ? { client_id: clientId } : {}),
  })
  const basic = [clientId, clientSecret ?? ''].map(encodeURIComponent).join(':')
  const response = await fetch(at, {
    method: 'POST',
    body: form,
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    headers:
      clientSecret === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
  }).catch(() => undefined)
  const answer = (await response?.json().catch(() => undefined)) as { error?: string } | undefined
  if (!['invalid_client', 'unauthorized_client'].includes(answer?.error ?? '')) return undefined
  return complaint('identity client', {
    what: `${issuer} refuses the client ${clientId}: ${answer?.error}`,
    why: 'nobody can sign in',
    mend: 'the id and the secret of the client, as the provider has them',
  })
}

async function get(at: string): Promise<Response> {
  const response = await fetch(at, { redirect: 'manual', signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })
  if (response.status !== 200) throw new Error(`status ${response.status}, expected 200`)
  return response
}

function isSafe(address: string): boolean {
  const url = URL.parse(address)
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url?.hostname ?? '')
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)
}
