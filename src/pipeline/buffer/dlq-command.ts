import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, visible } from '#contract'
import {
  type Command,
  type Config,
  defineCommand,
  type ExitCode,
  type Io,
  isConfirmed,
  readConfig,
} from '#runtime'
import { createDeadLetters, type DeadLetter, type DeadLetters } from './dead-letters.ts'
import { createLine } from './line.ts'

export interface DlqAccess {
  /** As the pipeline: only it reads and writes telemetry. */
  connect(config: Config): Promise<NatsConnection>
}

interface Chosen {
  /** Undefined for all of them. */
  ids: ReadonlySet<string> | undefined
  yes: boolean
  json: boolean
}

const ACTIONS = { list, retry, drop } as const

/** `holdpoint pipeline dlq …`: telemetry that could not be stored. */
export const dlqCommand = (access: DlqAccess): Command =>
  defineCommand({
    name: 'pipeline dlq',
    summary: 'List telemetry that could not be stored, send it again, or drop it',
    details:
      'list               what could not be stored, why, and whose it is\n' +
      'retry ID…|--all    send it once more; what is refused again comes back under another id\n' +
      'drop ID…|--all     remove it for good',
    example: 'holdpoint pipeline dlq retry --all',
    positionals: [
      { name: 'ACTION', description: 'list, retry or drop' },
      { name: 'ID', description: 'As `pipeline dlq list` shows it', optional: true, multiple: true },
    ],
    options: {
      all: { type: 'boolean', description: 'Every one of them' },
      yes: { type: 'boolean', description: 'Do not ask before dropping' },
      json: { type: 'boolean', description: 'One JSON object on the last line of standard output' },
    },
    async run({ options, positionals: [action = '', ...ids] }, io) {
      const problem = problemOf(action, ids, options.all)
      if (problem !== undefined) {
        io.stderr.write(`holdpoint pipeline dlq: ${problem}\n`)
        return 2
      }
      const nc = await access.connect(readConfig(io))
      try {
        const deadLetters = createDeadLetters({ line: createLine({ nc }), now: io.now })
        const chosen = { ...options, ids: options.all ? undefined : new Set(ids) }
        return await ACTIONS[action as keyof typeof ACTIONS](deadLetters, chosen, io)
      } finally {
        await nc.close()
      }
    },
  })

function problemOf(action: string, ids: readonly string[], all: boolean): string | undefined {
  if (!Object.hasOwn(ACTIONS, action))
    return `ACTION is ${JSON.stringify(action)}, expected list, retry or drop`
  if (action === 'list') return ids.length > 0 || all ? 'list takes no IDs: it lists all of them' : undefined
  return ids.length > 0 === all ? `${action} takes the IDs of dead letters, or --all` : undefined
}

async function list(deadLetters: DeadLetters, { json }: Chosen, io: Io): Promise<ExitCode> {
  const letters = await deadLetters.list()
  io.stdout.write(json ? `${JSON.stringify({ deadLetters: letters })}\n` : letters.map(letterText).join(''))
  if (letters.length === 0 && !json) io.stderr.write(NONE)
  return 0
}

const NONE = 'There is no dead letter: everything could be stored.\n'

const letterText = ({
  id,
  signal,
  reason,
  atMs,
  receivedAtMs,
  bytes,
  items,
  services,
}: DeadLetter): string => {
  const whose = services.length === 0 ? 'nobody knows whose' : `of ${services.join(', ')}`
  return (
    `${id}  ${signal}, ${visible(whose)}\n` +
    `  ${visible(reason)}\n` +
    `  received ${iso(receivedAtMs)}, put aside ${iso(atMs)}; ${counted(items, 'item')}, ${counted(bytes, 'byte')}\n`
  )
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
const iso = (ms: number): string => new Date(ms).toISOString()

async function retry(deadLetters: DeadLetters, chosen: Chosen, io: Io): Promise<ExitCode> {
  return report('retried', await deadLetters.retry(chosen.ids), chosen, io)
}

async function drop(deadLetters: DeadLetters, chosen: Chosen, io: Io): Promise<ExitCode> {
  const question = {
    asks: chosen.ids === undefined ? 'Drop all of them, for good?' : 'Drop this telemetry, for good?',
    nobody: 'Nobody is here to be asked: say --yes to drop it for good.',
    no: 'Not dropped.',
  }
  if (!chosen.yes && !(await isConfirmed(io, question))) return 1
  return report('dropped', await deadLetters.drop(chosen.ids), chosen, io)
}

/** Throws NOT_FOUND for those that were not there, once the others have had their turn. */
function report(
  what: 'retried' | 'dropped',
  done: readonly string[],
  { ids, json }: Chosen,
  io: Io,
): ExitCode {
  io.stdout.write(
    json ? `${JSON.stringify({ [what]: done })}\n` : done.map((id) => `${id}  ${what}\n`).join(''),
  )
  if (done.length === 0 && ids === undefined && !json) io.stderr.write(NONE)
  const missing = [...(ids ?? [])].filter((id) => !done.includes(id))
  if (missing.length === 0) return 0
  throw new HoldpointError('NOT_FOUND', `no dead letter has the id ${missing.join(', ')}`)
}
