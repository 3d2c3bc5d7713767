import type { NatsConnection } from '@nats-io/transport-node'
import { createWebhooks, readEndpoints, type WebhookEndpoint, type WebhooksConfig } from '#channels'
import type { WebhookMessage } from '#contract'
import { type ChannelDesk, createChannelDesk } from '#desk'
import { DEVELOPMENT_ISSUER, subjectSpecifier } from '#identity'
import { type Config, createHttpServer, type HttpServer } from '#runtime'
import { type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { type Receiver, startReceiver } from './receiver.ts'

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
export const OTHER_SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`

/** The house's policy, and a group that names somebody by subject for an action of little weight. */
export const CHAT_POLICY = `${POLICY.replace(
  'rules:\n',
  `  on-chat: ["${subjectSpecifier('https://chat.example.com', 'U7')}", "${subjectSpecifier(DEVELOPMENT_ISSUER, 'bob')}"]
rules:
  - { id: restart, match: { kind: tool, name: restart_worker }, effect: hold, risk: low, approvals: { from: [on-chat], assurance: chat } }
  - { id: rotate, match: { kind: tool, name: rotate_key }, effect: hold, approvals: { from: [on-chat] } }
`,
)}`

type Configured = Config['channels']['webhooks'][number]

/** An endpoint as a configuration has it; loopback is allowed, since that is where tests are. */
export const endpointOf = (configured: Partial<Configured> = {}): WebhookEndpoint => {
  const webhook = {
    name: 'hook',
    url: 'http://127.0.0.1:1/hook',
    secret: SECRET,
    allow: ['127.0.0.1'],
    ...configured,
  }
  const [endpoint] = readEndpoints({ channels: { webhooks: [webhook] } } as unknown as Config, '/')
  if (!endpoint) throw new Error('no endpoint was read')
  return endpoint
}

export interface Scene {
  house: House
  agent: TestAgent
  receiver: Receiver
  nc: NatsConnection
  channelDesk: ChannelDesk
  /** Webhooks, with their answers on a port; stopped with the scene, or before. */
  serve(
    config: Partial<WebhooksConfig>,
    more?: Partial<Parameters<typeof createWebhooks>[1]>,
  ): Promise<Served>
  stop(): Promise<void>
}

export interface Served {
  server: HttpServer
  stop(): Promise<void>
}

export async function startScene(): Promise<Scene> {
  const house = await startHouse({ policy: CHAT_POLICY })
  const agent = await house.agent('support')
  const receiver = await startReceiver()
  const nc = await house.connect('channel')
  const channelDesk = createChannelDesk({ nc })
  const open = new Set<Served>()
  return {
    house,
    agent,
    receiver,
    nc,
    channelDesk,
    async serve(config, more = {}) {
      const webhooks = createWebhooks(
        { endpoints: [], publicUrl: () => server.url(), retryDelaysMs: [], ...config },
        { nc, desk: house.desk, channelDesk, now: house.clock.now, log: house.log, ...more },
      )
      const server = createHttpServer(
        { name: 'answers', host: '127.0.0.1', port: 0 },
        { fetch: webhooks.app.fetch, log: house.log },
      )
      await server.start()
      await webhooks.start()
      const served = {
        server,
        async stop() {
          open.delete(served)
          await webhooks.stop()
          await server.stop()
        },
      }
      open.add(served)
      return served
    },
    async stop() {
      for (const served of open) await served.stop()
      await receiver.stop()
      await house.stop()
    },
  }
}

/** What a receiver was told, as it reads it. */
export const messagesOf = (receiver: Receiver): WebhookMessage[] =>
  receiver.received.map(({ body }) => JSON.parse(body) as WebhookMessage)
