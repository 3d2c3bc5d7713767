import { expect } from 'vitest'
import { type GatewayScene, type Running, soon } from './scene.ts'

/** Both ends of a gateway's lines, for a test that says what a client or a server of an SDK never would. */
export interface Raw {
  running: Running
  write(line: string | Buffer): void
  serverSays(message: unknown): void
  /** What was sent before it has arrived at the server, or never will. */
  ping(id?: string): Promise<void>
  /** Answers the gateway's own question for the tools, as a server would. */
  listed(): Promise<void>
}

export const call = (id: unknown, name = 'export_customers', args: unknown = { limit: 1 }) =>
  ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }) as const

const TOOLS = ['export_customers', 'lookup_customer'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
}))

export function rawGateway(scene: GatewayScene, options: Parameters<GatewayScene['run']>[0] = {}): Raw {
  const running = scene.run({ maxMessageBytes: 4096, ...options })
  const { server, toServer, toGateway } = running
  const raw: Raw = {
    running,
    write: (line) => void toGateway.write(Buffer.concat([Buffer.from(line), Buffer.from('\n')])),
    serverSays: (message) =>
      void server.stdout.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    async ping(id = 'ping') {
      raw.write(JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }))
      await soon(() => expect(toServer.at(-1)).toMatchObject({ id, method: 'ping' }))
    },
    async listed() {
      const asked = await soon(() => {
        const last = toServer.findLast(({ method }) => method === 'tools/list')
        expect(last).toBeDefined()
        return last as { id: string }
      })
      raw.serverSays({ jsonrpc: '2.0', id: asked.id, result: { tools: TOOLS } })
    },
  }
  return raw
}

/** The one request that has been opened. */
export const opened = (scene: GatewayScene) =>
  soon(() => {
    expect(scene.broker.requests).toHaveLength(1)
    return scene.broker.requests[0] as (typeof scene.broker.requests)[number]
  })
