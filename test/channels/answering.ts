import { Webhook } from 'standardwebhooks'
import type { WebhookAnswer } from '#contract'
import { holdAction } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { endpointOf, OTHER_SECRET, type Scene, SECRET, startScene } from './scene.ts'

/** Whom the rule for `restart_worker` names. */
export const REVIEWER = { iss: 'https://chat.example.com', sub: 'U7', name: 'Uma' }

export interface Sending {
  name?: string
  secret?: string
  id?: string
  /** Seconds from now. */
  at?: number
  headers?: Record<string, string>
  /** Where another than the scene's own is served. */
  to?: string
}

export type More = { [K in keyof WebhookAnswer]?: WebhookAnswer[K] | undefined }

export type Answering = Awaited<ReturnType<typeof startAnswering>>

/** A house with three endpoints that answer, or may not, and a receiver that knows how. */
export async function startAnswering() {
  const scene: Scene = await startScene()
  const endpoints = [
    endpointOf({ name: 'hook', answers: true }),
    endpointOf({ name: 'other', secret: OTHER_SECRET, answers: true }),
    endpointOf({ name: 'mute', answers: false }),
  ]
  const url = (await scene.serve({ endpoints })).server.url()
  let messages = 0

  return {
    scene,
    url,
    async send(body: string | Uint8Array<ArrayBuffer>, sending: Sending = {}) {
      const { name = 'hook', secret = SECRET, at = 0, headers = {}, to = url } = sending
      const id = sending.id ?? `msg_${++messages}`
      const timestamp = new Date(scene.house.clock.now() + at * 1000)
      const response = await fetch(`${to}/v1/webhooks/${name}/reviews`, {
        method: 'POST',
        headers: {
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
          'webhook-signature': new Webhook(secret).sign(id, timestamp, Buffer.from(body).toString()),
          ...headers,
        },
        body,
      })
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as Record<string, unknown>,
      }
    },
    /** A request, which may be answered at `chat` if it is to restart a worker, and a good answer to it. */
    async pending(name = 'restart_worker', more: More = {}) {
      const { requestId } = await holdAction(scene.agent, attemptOf({ name, target: 'worker-3' }))
      const { renderHash } = await scene.channelDesk.show(requestId)
      const answer = { requestId, verdict: 'approve' as const, renderHash, reviewer: REVIEWER, ...more }
      return { requestId, answer, body: JSON.stringify(answer) }
    },
    stateOf: async (requestId: string) => (await scene.channelDesk.show(requestId)).summary.state,
    stop: () => scene.stop(),
  }
}
