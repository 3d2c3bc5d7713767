import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { vi } from 'vitest'
import { type Scene, startScene } from '../../support/gate-scene.ts'

/** Model calls are allowed by kind, and a few routes are not: as programs are put under control. */
export const HTTP_POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  kinds: { http: allow }
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules:
  - id: small-payments
    match: { kind: http, name: "POST /v1/payments" }
    when: action.arguments.body.amount <= 50.0
    effect: allow
  - id: payments
    match: { kind: http, name: "* /v1/payments*" }
    effect: hold
  - id: customers
    match: { kind: http, name: ["DELETE /v1/customers*", "PUT /v1/customers*"] }
    effect: hold
  - id: admin
    match: { kind: http, name: "* /admin*" }
    effect: deny
    reason: Nobody administrates from here.
  - id: forbidden-host
    match: { kind: http, target: ["http://vault.example.com*", "unix:*"] }
    effect: hold
  - id: buckets
    match: { kind: aws, name: ["s3:Get*", "s3:List*", "s3:Head*"] }
    effect: allow
`

/** Nothing is allowed but one place. */
export const allowList = (origin: string): string =>
  HTTP_POLICY.replace('kinds: { http: allow }', 'kinds: { http: hold }').replace(
    'rules:\n',
    `rules:\n  - id: known\n    match: { kind: http, name: "* /open*", target: "${origin}" }\n    effect: allow\n`,
  )

export const SOON = { interval: 3 } as const

export interface Received {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

export interface HttpScene extends Scene {
  origin: string
  server: Server
  /** All that reached the server. */
  received: Received[]
  /** Waits for so many requests at the broker, and gives the last. */
  opened(count?: number): Promise<Scene['broker']['requests'][number]>
  reset(): void
}

/** A real server that answers with what it got, behind a gate that asks a scripted broker. */
export async function startHttpScene(): Promise<HttpScene> {
  const scene = await startScene()
  scene.broker.publishPolicy(HTTP_POLICY, 2)
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      if (url.startsWith('/redirect?'))
        response.writeHead(307, { location: url.slice('/redirect?'.length) }).end()
      else response.writeHead(url === '/v1/customers/500' ? 500 : 200).end(`${method} ${url}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await vi.waitFor(() => {
    if (scene.gate.foresee({ kind: 'http', name: 'GET /', arguments: {} }) !== 'allow')
      throw new Error('no policy yet')
  })
  return {
    ...scene,
    server,
    received,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened: (count = 1) =>
      vi.waitFor(() => {
        const request = scene.broker.requests[count - 1]
        if (request === undefined) throw new Error(`${scene.broker.requests.length} of ${count} requests`)
        return request
      }, SOON),
    reset() {
      received.length = 0
      scene.broker.requests.length = 0
      scene.broker.outcomes.length = 0
      scene.broker.onRequest = () => undefined
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await scene.stop()
    },
  }
}
