import { setTimeout } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, trustSubject } from '#contract'
import { type Command, defineCommand } from '#runtime'
import { asAdmin } from './admin.ts'
import { currentEpoch, epochsOf, signEpoch } from './epochs.ts'
import type { Home } from './home.ts'
import { provisionStreams, publishDocument } from './provision.ts'
import { type EpochState, lookAtEpoch, sealEpoch } from './seal.ts'

const json = { type: 'boolean', description: 'One JSON object on the last line of standard output' } as const

const status = defineCommand({
  name: 'ledger status',
  summary: 'Show the epochs of the ledger',
  example: 'holdpoint ledger status',
  options: { json },
  run: ({ options }, io) =>
    asAdmin(io, async (nc, home): Promise<0> => {
      const states = await statesOf(nc, home)
      const current = currentEpoch(home)
      const lines = states.map((state) => lineOf(state, current))
      io.stdout.write(options.json ? `${JSON.stringify({ current, epochs: states })}\n` : lines.join(''))
      return 0
    }),
})

const next = defineCommand({
  name: 'ledger next',
  summary: 'Begin another epoch of the ledger',
  details:
    'New requests go to it from the moment that the brokers have read of it; those that are under way end where they\n' +
    'began. When the last of them is over, `holdpoint ledger seal` makes the old epoch read-only.',
  example: 'holdpoint ledger next',
  options: { json },
  run: ({ options }, io) =>
    asAdmin(io, async (nc, home): Promise<0> => {
      const before = currentEpoch(home)
      const epoch = before + 1
      await provisionStreams(nc, epoch, (await lookAtEpoch(nc, before))?.replicas)
      await publishDocument(nc, trustSubject.epoch(epoch), signEpoch(home, epoch, io.now()))
      const text = `epoch ${epoch} has begun; seal epoch ${before} when its last request is over\n`
      io.stdout.write(options.json ? `${JSON.stringify({ epoch })}\n` : text)
      return 0
    }),
})

const seal = defineCommand({
  name: 'ledger seal',
  summary: 'Make an epoch that is over read-only, for good',
  details:
    'Refused while a request of it is open. The next epoch then says how many entries it had, and their root, so that\n' +
    'it can be exported and dropped without anybody being able to change what it said.',
  example: 'holdpoint ledger seal 1',
  positionals: [
    { name: 'EPOCH', description: 'Its number (default: the oldest that is not sealed)', optional: true },
  ],
  options: { json },
  run: ({ options, positionals: [written] }, io) =>
    asAdmin(io, async (nc, home): Promise<0> => {
      const epoch = await chosen(nc, home, written)
      const open = await sealEpoch(nc, epoch, READ_WITHIN_MS)
      if (open.pending + open.unfinished > 0)
        throw new HoldpointError(
          'UNAVAILABLE',
          `epoch ${epoch} is not over: ${open.pending} requests wait, and ${open.unfinished} approvals are not used or have no outcome yet`,
          { retryable: true },
        )
      const sealed = await continued(nc, epoch)
      const root = sealed.continuedRoot
        ? `, root ${sealed.continuedRoot}`
        : '; a broker records its root in the next epoch as soon as one runs'
      const text = `epoch ${epoch} is sealed with ${sealed.entries} entries${root}\n`
      io.stdout.write(options.json ? `${JSON.stringify(sealed)}\n` : text)
      return 0
    }),
})

const READ_WITHIN_MS = 600_000
const CONTINUED_WITHIN_MS = 15_000

async function chosen(nc: NatsConnection, home: Home, written: string | undefined): Promise<number> {
  const current = currentEpoch(home)
  const known = (await statesOf(nc, home)).filter(({ epoch }) => epoch < current)
  const oldest = known.find(({ isSealed }) => !isSealed)?.epoch
  const epoch = written === undefined ? oldest : Number(written)
  if (epoch === undefined)
    throw new HoldpointError('NOT_FOUND', 'no epoch is left to seal; `holdpoint ledger next` begins another')
  // Each says how the one before it ended, which it can say only as long as it is open.
  if (oldest !== undefined && epoch > oldest)
    throw new HoldpointError(
      'INVALID_INPUT',
      `EPOCH ${epoch}, expected ${oldest}: the older one is sealed first`,
    )
  const before = known.find((state) => state.epoch === epoch - 1)
  if (before && before.continuedRoot === undefined)
    throw new HoldpointError(
      'UNAVAILABLE',
      `epoch ${epoch} does not say yet how epoch ${epoch - 1} ended: a broker records it as soon as one runs`,
      { retryable: true },
    )
  if (known.some((state) => state.epoch === epoch)) return epoch
  throw new HoldpointError(
    'INVALID_INPUT',
    `EPOCH ${JSON.stringify(written)}, expected one before the current one, ${current}; there is: ${known.map((state) => state.epoch).join(', ') || 'none'}`,
  )
}

/** Waits a little for a broker to say in the next epoch how this one ended. */
async function continued(nc: NatsConnection, epoch: number): Promise<EpochState> {
  const giveUpAtMs = performance.now() + CONTINUED_WITHIN_MS
  for (;;) {
    const state = await lookAtEpoch(nc, epoch)
    if (state === undefined) throw new HoldpointError('NOT_FOUND', `epoch ${epoch} has been dropped`)
    if (state.continuedRoot !== undefined || performance.now() > giveUpAtMs) return state
    await setTimeout(250)
  }
}

async function statesOf(nc: NatsConnection, home: Home): Promise<EpochState[]> {
  const states = await Promise.all(epochsOf(home).map((epoch) => lookAtEpoch(nc, epoch)))
  return states.filter((state) => state !== undefined)
}

const lineOf = ({ epoch, entries, isSealed, continuedRoot }: EpochState, current: number): string => {
  const state = epoch === current ? 'current' : isSealed ? 'sealed' : 'ending'
  return `epoch ${epoch}  ${state.padEnd(8)} ${entries} ${entries === 1 ? 'entry' : 'entries'}${continuedRoot ? `  root ${continuedRoot}` : ''}\n`
}

export const epochCommands: Command[] = [status, next, seal]
