import { HoldpointError, visible } from '#contract'
import { createChannelDesk } from '#desk'
import { type Command, type Config, defineCommand, readRunning } from '#runtime'
import { createDeadLetters, type DeadLetter, deadLetterId } from '../dead-letters.ts'
import { resolveBySystem } from '../post.ts'
import { json, TIMEOUT_MS, type WebhookAccess, withChannel } from './access.ts'
import { type Delivery, deliver } from './deliver.ts'
import { occurrenceIn } from './occurrence.ts'

export const replay = (access: WebhookAccess): Command =>
  defineCommand({
    name: 'webhooks replay',
    summary: 'Send dead letters once more, now',
    details: 'The request is sent as it is now. What is delivered leaves the list; the rest stays on it.',
    example: 'holdpoint webhooks replay --all',
    positionals: [{ name: 'ID', description: 'As `webhooks dead-letters` lists it', optional: true }],
    options: { all: { type: 'boolean', description: 'Every one of them' }, json },
    run: async ({ options, positionals: [id] }, io) => {
      if ((id === undefined) === !options.all) {
        io.stderr.write('Give the ID of one dead letter, or --all.\n')
        return 2
      }
      return withChannel(access, io, async ({ nc, endpoints, config }) => {
        const deadLetters = createDeadLetters({ nc })
        const deps = {
          channelDesk: createChannelDesk({ nc }),
          publicUrl: () => publicUrlOf(config),
          resolve: resolveBySystem,
          now: io.now,
          timeoutMs: TIMEOUT_MS,
          signal: io.signal,
        }
        const again = async (letter: DeadLetter): Promise<Delivery> => {
          const name = letter.channel.replace(/^webhook:/, '')
          const endpoint = endpoints.find((one) => one.name === name)
          // Those of an endpoint that is gone wait for it to come back, and keep no other from its own.
          if (!endpoint) return { outcome: 'refused', reason: `no endpoint is called ${name} any more` }
          const delivery = await deliver(endpoint, occurrenceIn(letter), deps)
          const attempts = letter.attempts + 1
          if (delivery.outcome === 'delivered')
            await deadLetters.add({ ...letter, attempts, deliveredAtMs: io.now() })
          else await deadLetters.add({ ...letter, attempts, reason: delivery.reason, atMs: io.now() })
          return delivery
        }

        const letters = (await deadLetters.list('webhook:')).filter(
          (letter) => options.all || deadLetterId(letter) === id,
        )
        if (letters.length === 0 && id !== undefined)
          throw new HoldpointError('NOT_FOUND', `no dead letter has the id ${JSON.stringify(id)}`)
        const replayed: ({ id: string } & Delivery)[] = []
        for (const letter of letters) {
          if (io.signal.aborted) break
          const done = { id: deadLetterId(letter), ...(await again(letter)) }
          replayed.push(done)
          if (!options.json) io.stdout.write(replayText(done))
        }
        if (options.json) io.stdout.write(`${JSON.stringify({ replayed })}\n`)
        return replayed.every(({ outcome }) => outcome === 'delivered') ? 0 : 1
      })
    },
  })

const replayText = (done: { id: string } & Delivery): string =>
  `${done.id}  ${done.outcome === 'delivered' ? 'delivered' : visible(`not delivered: ${done.reason}`)}\n`

function publicUrlOf({ http, dataDir }: Config): string {
  const url = http.url ?? readRunning(dataDir)?.http?.url ?? `http://${http.host}:${http.port}`
  return url.replace(/\/$/, '')
}
