import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { type Component, type Log, listenFrom } from '#runtime'
import type { SignInIssuer } from '../types.ts'
import { createGuard } from './guard.ts'
import { createInteraction } from './interaction.ts'
import { developmentIssuerAt } from './people.ts'
import { createProvider } from './provider.ts'
import { ensureKey, ensurePassphrase, passphraseFile, readPassphrase } from './secrets.ts'

export interface DevelopmentIssuer extends Component {
  /** How everybody else is told to believe it, and to sign in at it. */
  trusted(): SignInIssuer
  url(): string
  /** The file with the passphrase of all its people. */
  passphraseFile: string
}

const HOST = '127.0.0.1'

/**
 * Sign-in for development only: a real OpenID Provider with a few made-up people, on loopback. Who knows the
 * passphrase, which lies in a file that only this machine's user can read, may be any of them.
 */
export function createDevelopmentIssuer(
  { dir, port: wanted }: { dir: string; port: number },
  { now, log }: { now: () => number; log: Log },
): DevelopmentIssuer {
  let port = 0
  let server: Server | undefined
  const url = (): string => `http://${HOST}:${port}`

  return {
    name: 'development identity provider',
    url,
    trusted: () => developmentIssuerAt(url()),
    passphraseFile: passphraseFile(dir),
    async start() {
      const key = await ensureKey(dir)
      ensurePassphrase(dir)
      const derive = (use: string): string => createHmac('sha256', `${key.d}`).update(use).digest('base64url')
      const provider = await createProvider({ key, cookieKey: derive('cookies') }, { now, log })
      const guard = createGuard(
        { key: derive('browsers'), readPassphrase: () => readPassphrase(dir) },
        { now },
      )
      const interaction = createInteraction(provider, guard, passphraseFile(dir))
      const listeners = {
        interaction: getRequestListener((request, env) => interaction.fetch(request, env as HttpBindings)),
        provider: provider.callback(),
      }
      server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) =>
        serve(request, response, port, listeners),
      )
      port = await listenFrom(server, wanted, HOST)
      log.warn('development sign-in is on: made-up people, for this machine only', { url: url() })
    },
    async stop() {
      const open = server
      server = undefined
      if (!open) return
      await new Promise<void>((resolve) => {
        open.close(() => resolve())
        open.closeAllConnections()
      })
    },
  }
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

function serve(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  listeners: { interaction: Listener; provider: Listener },
): void {
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-frame-options', 'DENY')
  response.setHeader('cache-control', 'no-store')
  // `no-referrer` would make browsers send `Origin: null` with our own forms.
  response.setHeader('referrer-policy', 'same-origin')
  // DNS rebinding: a page of evil.example, whose name now leads here, sends its own name.
  if (![HOST, 'localhost', '[::1]'].some((host) => request.headers.host === `${host}:${port}`)) {
    response.writeHead(421, { 'content-type': 'text/plain' }).end('This server has another name.\n')
    return
  }
  const path = request.url ?? '/'
  if (path.startsWith('/interaction/')) return void listeners.interaction(request, response)
  // The provider would answer a link with the code in it with a page that posts itself by script.
  if (request.method === 'GET' && path.startsWith('/device?'))
    request.url = path.replace(/([?&])user_code=/, '$1filled=')
  listeners.provider(request, response)
}
