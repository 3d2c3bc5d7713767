import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import { type Component, type Log, listenFrom } from '#runtime'
import type { TrustedIssuer } from './identity.ts'

/** A name that no network resolves: nobody can mistake these people for an organisation's. */
export const DEVELOPMENT_ISSUER = 'https://development.holdpoint.invalid'
export const DEVELOPMENT_AUDIENCE = 'holdpoint'
const TOKEN_LIFE_S = 8 * 3_600

/** Alice owns the agents; Bob and Carol may release what they hold. */
const PEOPLE = [
  { sub: 'alice', name: 'Alice Adler', groups: ['developers'] },
  { sub: 'bob', name: 'Bob Berger', groups: ['sre', 'data-owners'] },
  { sub: 'carol', name: 'Carol Chen', groups: ['sre', 'data-owners', 'security-oncall'] },
] as const
export const DEVELOPMENT_PEOPLE: readonly string[] = PEOPLE.map(({ sub }) => sub)

/** How a broker is told to believe the development people whose sign-in runs at `url`. */
export const developmentIssuerAt = (url: string): TrustedIssuer => ({
  issuer: DEVELOPMENT_ISSUER,
  audience: DEVELOPMENT_AUDIENCE,
  jwksUri: `${url}/jwks.json`,
})

export interface DevelopmentIssuer extends Component {
  /** How the broker is told to believe it. */
  trusted(): TrustedIssuer
  url(): string
  /** The file with a person's passphrase. */
  passphraseFile(sub: string): string
}

/**
 * Sign-in for development only: a few made-up people, on loopback. Each has a passphrase in a file that only this
 * machine's user can read; whoever shows it gets that person's token (RFC 6749, 4.3).
 */
export function createDevelopmentIssuer(
  config: { dir: string; port: number },
  deps: { now: () => number; log: Log },
): DevelopmentIssuer {
  const { dir } = config
  let port = 0
  let server: ServerType | undefined
  const url = (): string => `http://127.0.0.1:${port}`
  const passphraseFile = (sub: string): string => join(dir, `${sub}.passphrase`)

  return {
    name: 'development identity provider',
    url,
    trusted: () => developmentIssuerAt(url()),
    passphraseFile,
    async start() {
      const key = await ensureKey(dir)
      for (const { sub } of PEOPLE)
        ensureSecret(passphraseFile(sub), () => randomBytes(18).toString('base64url'))
      const app = routes(key, (sub) => readFileSync(passphraseFile(sub), 'utf8').trim(), deps.now)
      server = createAdaptorServer({ fetch: app.fetch })
      port = await listenFrom(server as Server, config.port, '127.0.0.1')
      deps.log.warn('development sign-in is on: made-up people, for this machine only', { url: url() })
    },
    async stop() {
      const open = server
      server = undefined
      if (open) await new Promise<void>((resolve) => open.close(() => resolve()))
    },
  }
}

interface SigningKey {
  private: JWK
  public: JWK
}

function routes(key: SigningKey, passphraseOf: (sub: string) => string, now: () => number): Hono {
  const app = new Hono()
  app.get('/jwks.json', (context) => context.json({ keys: [key.public] }))
  app.post('/token', async (context) => {
    const form = await context.req.parseBody()
    const person = PEOPLE.find(({ sub }) => sub === form.username)
    const passphrase = person && passphraseOf(person.sub)
    // A file that a crash left empty is no passphrase that everybody knows.
    const isRight = passphrase ? equal(String(form.password ?? ''), passphrase) : false
    if (form.grant_type !== 'password') return context.json({ error: 'unsupported_grant_type' }, 400)
    if (!person || !isRight)
      return context.json(
        { error: 'invalid_grant', error_description: 'unknown person or wrong passphrase' },
        400,
      )
    const iat = Math.floor(now() / 1000)
    const { sub, name, groups } = person
    const token = await new SignJWT({ name, groups: [...groups], auth_time: iat, amr: ['pwd'] })
      .setProtectedHeader({ alg: 'EdDSA', kid: key.public.kid as string })
      .setIssuer(DEVELOPMENT_ISSUER)
      .setAudience(DEVELOPMENT_AUDIENCE)
      .setSubject(sub)
      .setIssuedAt(iat)
      .setExpirationTime(iat + TOKEN_LIFE_S)
      .sign(await importJWK(key.private, 'EdDSA'))
    return context.json({ id_token: token, token_type: 'Bearer', expires_in: TOKEN_LIFE_S })
  })
  return app
}

/** The key outlives a restart, so that people stay signed in. */
async function ensureKey(dir: string): Promise<SigningKey> {
  const file = join(dir, 'issuer.jwk')
  if (!existsSync(file)) {
    const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    const jwk = { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString('hex') }
    ensureSecret(file, () => JSON.stringify(jwk))
  }
  const { d, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as JWK & { d: string }
  return { private: { ...rest, d }, public: { ...rest, use: 'sig', alg: 'EdDSA' } }
}

function ensureSecret(file: string, make: () => string): void {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600 })
}

/** In constant time whatever the lengths, and slow enough that guessing over loopback is hopeless. */
function equal(given: string, expected: string): boolean {
  const salt = 'holdpoint development'
  return timingSafeEqual(scryptSync(given, salt, 32), scryptSync(expected, salt, 32))
}
