import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { readRunning } from '#runtime'

/** Where the broker fetches the identity provider's keys: honest, or not. */
export interface Keys {
  url: string
  answer: 'keys' | 'closed' | 'silence' | 'error' | 'garbage' | 'others'
  /** The house whose provider it stands before. */
  behind(dataDir: string): Promise<void>
  stop(): Promise<void>
}

export async function startKeys(): Promise<Keys> {
  const { publicKey } = await generateKeyPair('EdDSA')
  const others = JSON.stringify({
    keys: [{ ...(await exportJWK(publicKey)), kid: 'another', alg: 'EdDSA', use: 'sig' }],
  })
  let honest = ''
  const respond = (response: ServerResponse): void => {
    response.setHeader('content-type', 'application/json')
    if (keys.answer === 'closed') response.destroy()
    else if (keys.answer === 'error') response.writeHead(500).end()
    else if (keys.answer === 'garbage') response.end('\u0000{"keys": 7')
    else if (keys.answer === 'others') response.end(others)
    else if (keys.answer === 'keys') response.end(honest)
  }
  const server = createServer((_, response) => respond(response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const keys: Keys = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    answer: 'keys',
    async behind(dataDir) {
      const provider = readRunning(dataDir)?.identity?.url ?? ''
      const discovered = await (await fetch(`${provider}/.well-known/openid-configuration`)).json()
      const { jwks_uri: uri } = discovered as { jwks_uri: string }
      honest = await (await fetch(new URL(new URL(uri).pathname, provider))).text()
    },
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
  return keys
}
