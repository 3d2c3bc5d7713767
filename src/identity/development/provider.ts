import type { JWK } from 'jose'
import type { Configuration, Provider } from 'oidc-provider'
import type { Log } from '#runtime'
import { showCodeForm, showConfirmation, showError, showSuccess } from './device-pages.ts'
import { createMemory } from './memory.ts'
import { DEVELOPMENT_CLIENT, DEVELOPMENT_ISSUER, PEOPLE } from './people.ts'

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]']
const HOUR_S = 3_600
const SCOPES = ['openid', 'profile', 'offline_access']

/** The OpenID Provider itself; the library is loaded here and not before. */
export async function createProvider(
  { key, cookieKey }: { key: JWK; cookieKey: string },
  { now, log }: { now: () => number; log: Log },
): Promise<Provider> {
  const { interactionPolicy, Provider } = await loadLibrary()
  const { Check, Prompt } = interactionPolicy
  // People are switched all the time here, so each sign-in asks who it is; nothing else is ever asked.
  const login = new Prompt(
    { name: 'login', requestable: true },
    new Check('each_time', 'who signs in is asked each time', ({ oidc }) => !oidc.result?.login),
  )
  const configuration: Configuration = {
    adapter: createMemory(now),
    clients: [
      {
        client_id: DEVELOPMENT_CLIENT,
        client_name: 'Holdpoint',
        // Public and native: PKCE, and any port on loopback (RFC 8252, 7.3 and 8.1).
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: LOOPBACK.map((host) => `http://${host}/sign-in/callback`),
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        id_token_signed_response_alg: 'EdDSA',
      },
    ],
    jwks: { keys: [key as never] },
    cookies: { keys: [cookieKey] },
    routes: { jwks: '/jwks.json' },
    scopes: SCOPES,
    claims: { openid: ['sub', 'name', 'groups', 'auth_time', 'amr'] },
    // The ID token is what the broker reads: it carries the groups.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    interactions: { policy: [login], url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, sub) => {
      const person = PEOPLE.find((one) => one.sub === sub)
      return person && { accountId: sub, claims: async () => ({ ...person, groups: [...person.groups] }) }
    },
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId as string,
        accountId: oidc.session?.accountId as string,
      })
      grant.addOIDCScope(SCOPES.join(' '))
      await grant.save()
      return grant
    },
    issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async () => false,
    clientBasedCORS: () => false,
    ttl: {
      AccessToken: HOUR_S,
      AuthorizationCode: 60,
      DeviceCode: 600,
      Grant: 14 * 24 * HOUR_S,
      IdToken: HOUR_S,
      Interaction: HOUR_S,
      RefreshToken: 14 * 24 * HOUR_S,
      Session: HOUR_S,
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        userCodeInputSource: (context, _, __, error) => showCodeForm(context, error),
        userCodeConfirmSource: (context, _, __, ___, code) => showConfirmation(context, code),
        successSource: showSuccess,
      },
    },
    renderError: (context, { error, error_description: description }) =>
      showError(context, error, description),
  }
  const provider = new Provider(DEVELOPMENT_ISSUER, configuration)
  provider.on('server_error', (_, error) => log.error('development sign-in failed', { error }))
  return provider
}

/** It warns on the console of any Node whose line is not (yet) a long-term one; ours is the one that our tests run. */
async function loadLibrary(): Promise<typeof import('oidc-provider')> {
  const { warn } = console
  console.warn = (...said) => {
    if (!String(said[0]).includes('oidc-provider WARNING: Unsupported runtime')) warn(...said)
  }
  try {
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}
