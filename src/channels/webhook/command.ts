import { randomUUID } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { EVENT_STREAM, visible, type WebhookTest } from '#contract'
import { type Command, defineCommand, readConfig } from '#runtime'
import { createDeadLetters, deadLetterId } from '../dead-letters.ts'
import { resolveBySystem } from '../post.ts'
import { json, named, TIMEOUT_MS, type WebhookAccess, withChannel } from './access.ts'
import { send } from './deliver.ts'
import { readEndpoints, type WebhookEndpoint } from './endpoints.ts'
import { replay } from './replay-command.ts'
import { newSecret } from './secret.ts'
import { durableOf } from './webhooks.ts'

/** `holdpoint webhooks …`: who is told of requests, and what did not reach them. */
export function webhookCommands(access: WebhookAccess): Command[] {
  return [list(access), deadLetters(access), replay(access), test, secret]
}

const list = (access: WebhookAccess): Command =>
  defineCommand({
    name: 'webhooks list',
    summary: 'List the webhook endpoints, and what they have not had yet',
    details: '`pending` waits to be sent, `in flight` is being sent or waits for its next attempt.',
    example: 'holdpoint webhooks list',
    options: { json },
    run: ({ options }, io) =>
      withChannel(access, io, async ({ nc, endpoints }) => {
        const letters = await createDeadLetters({ nc }).list('webhook:')
        const webhooks = await Promise.all(
          endpoints.map(async ({ name, url, events, answers }) => ({
            ...{ name, url, events, answers },
            ...(await progressOf(nc, name)),
            deadLetters: letters.filter(({ channel }) => channel === `webhook:${name}`).length,
          })),
        )
        io.stdout.write(
          options.json ? `${JSON.stringify({ webhooks })}\n` : webhooks.map(progressText).join(''),
        )
        if (webhooks.length === 0 && !options.json)
          io.stderr.write('No endpoint is configured: see channels.webhooks.\n')
        return 0
      }),
  })

/** From the stream's own books; undefined until the endpoint was first served. */
async function progressOf(nc: NatsConnection, name: string) {
  const info = await (await jetstreamManager(nc)).consumers
    .info(EVENT_STREAM, durableOf(name))
    .catch(() => undefined)
  return info && { pending: info.num_pending, inFlight: info.num_ack_pending }
}

type Progress = Pick<WebhookEndpoint, 'name' | 'url' | 'events' | 'answers'> & {
  pending?: number
  inFlight?: number
  deadLetters: number
}
function progressText({ name, url, events, answers, pending, inFlight, deadLetters }: Progress): string {
  const queue =
    pending === undefined
      ? 'never served yet'
      : `${pending} pending, ${inFlight} in flight, ${deadLetters} dead`
  return `${name}  ${visible(url)}\n  ${events.join(', ')}${answers ? '; may answer' : ''}\n  ${queue}\n`
}

const deadLetters = (access: WebhookAccess): Command =>
  defineCommand({
    name: 'webhooks dead-letters',
    summary: 'List what could not be delivered',
    example: 'holdpoint webhooks dead-letters --json',
    options: { json },
    run: ({ options }, io) =>
      withChannel(access, io, async ({ nc }) => {
        const letters = await createDeadLetters({ nc }).list('webhook:')
        const deadLetters = letters.map((letter) => ({ id: deadLetterId(letter), ...letter }))
        io.stdout.write(
          options.json
            ? `${JSON.stringify({ deadLetters })}\n`
            : deadLetters
                .map(
                  ({ id, atMs, attempts, reason }) =>
                    `${id}\n  ${new Date(atMs).toISOString()}, ${attempts} attempts: ${visible(reason)}\n`,
                )
                .join(''),
        )
        if (letters.length === 0 && !options.json) io.stderr.write('Everything was delivered.\n')
        return 0
      }),
  })

const test: Command = defineCommand({
  name: 'webhooks test',
  summary: 'Send an endpoint a signed message of type webhook.test',
  example: 'holdpoint webhooks test security-hook',
  positionals: [{ name: 'NAME', description: 'The endpoint’s name in channels.webhooks' }],
  options: { json },
  run: async ({ options, positionals: [name = ''] }, io) => {
    const endpoint = named(readEndpoints(readConfig(io), io.cwd), name)
    const message: WebhookTest = {
      type: 'webhook.test',
      timestamp: new Date(io.now()).toISOString(),
      data: {},
    }
    const delivery = await send(endpoint, `test_${randomUUID()}`, message, {
      resolve: resolveBySystem,
      now: io.now,
      timeoutMs: TIMEOUT_MS,
      signal: io.signal,
    })
    const ok = delivery.outcome === 'delivered'
    const words = ok ? `delivered, it answered ${delivery.status}` : `not delivered: ${delivery.reason}`
    io.stdout.write(options.json ? `${JSON.stringify({ name, ...delivery })}\n` : `${visible(words)}\n`)
    return ok ? 0 : 1
  },
})

const secret: Command = defineCommand({
  name: 'webhooks secret',
  summary: 'Print a new secret for an endpoint and its receiver',
  example: 'holdpoint webhooks secret > security-hook.secret',
  run: async (_, io) => {
    io.stdout.write(`${newSecret()}\n`)
    return 0
  },
})
