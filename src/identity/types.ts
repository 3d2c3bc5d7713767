import type { TrustedIssuer } from './identity.ts'
import type { Person } from './person.ts'

/** An issuer at which people can sign in: it knows Holdpoint as a client. */
export interface SignInIssuer extends TrustedIssuer {
  clientId: string
  /** Absent for a public client, which PKCE alone protects. */
  clientSecret?: string
  /** Beside `openid profile`. */
  scopes?: string[]
  /** What people read on the button; the issuer's host by default. */
  label?: string
}

/** What a sign-in yields. `idToken` is what the broker verifies; all of them are secrets. */
export interface Tokens {
  idToken: string
  refreshToken?: string
}

/** Signing in with a browser: authorization code with PKCE, state and nonce (RFC 6749, RFC 7636, OpenID Connect Core). */
export interface SignIn {
  issuers(): { issuer: string; label: string }[]
  /**
   * Where to send the browser, and an opaque sealed text that has to come back with it in a cookie. Throws
   * NOT_FOUND for an issuer that is not configured, and UNAVAILABLE.
   */
  begin(options: { issuer?: string; returnTo: string }): Promise<{ url: string; sealed: string }>
  /** `callback` is the whole address that the browser came back to. Throws UNAUTHENTICATED or UNAVAILABLE. */
  finish(callback: URL, sealed: string): Promise<{ person: Person; tokens: Tokens; returnTo: string }>
  /** Newer tokens, or undefined where the issuer gives none any more. */
  refresh(tokens: Tokens): Promise<Tokens | undefined>
}

/** Somebody signed in at the console. */
export interface Session {
  person: Person
  /** For the broker, who verifies it. */
  token: string
  /** Every form of the session carries it. */
  csrf: string
  expiresAtMs: number
}

/** Sessions are kept here and by nobody else; a cookie carries 256 random bits that lead to one. */
export interface Sessions {
  /** Returns what goes into the cookie. `browser` is the User-Agent: a session does not move to another. */
  open(signedIn: { person: Person; tokens: Tokens }, browser: string): string
  /** Renews the tokens where needed; undefined where there is no such session any more. */
  find(id: string, browser: string): Promise<Session | undefined>
  /** The same for what an open page asks by itself: nobody may be there, so the session stays as idle as it was. */
  peek(id: string, browser: string): Promise<Session | undefined>
  close(id: string): void
}
