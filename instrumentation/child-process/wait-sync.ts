import { resolve } from 'node:path'
import { type SpanContext, trace } from '@opentelemetry/api'
import type { GateAttempt } from '#gate'
import { ownFile } from '../own-files.ts'
import { bound, type Command } from './command.ts'
import type { Program } from './program.ts'

type Environment = Record<string, string | undefined>
type Options = Record<string, unknown>

/** What the process that asks in place of a blocking call is told. */
export interface Asked {
  attempt: GateAttempt
  program: Program
  streams: number
  parent?: Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'>
}

/** What is started instead of a command that has to wait. */
export interface Instead {
  file: string
  args: string[]
  options: Options
}

const FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1']

/**
 * `HOLDPOINT_SYNC=wait`: the call blocks until people have answered. Its own gate stands still meanwhile, so another
 * process asks. Undefined where it is not wanted. Throws where the variable says something else.
 */
export function createSyncWait(
  env: Environment,
): ((command: Command, attempt: GateAttempt, options: Options) => Instead) | undefined {
  const wanted = env.HOLDPOINT_SYNC?.trim() || 'refuse'
  if (wanted === 'refuse') return undefined
  if (wanted !== 'wait') throw new TypeError(`HOLDPOINT_SYNC is "${wanted}", expected refuse or wait`)
  // As at the start: what the program changes later must not make it ask as somebody else.
  const own = ownEnvironment(env)
  return (command, attempt, options) => {
    const { file, args, envPairs, uid, gid } = command
    const streams = Array.isArray(options.stdio) ? Math.max(3, options.stdio.length) : 3
    const above = trace.getActiveSpan()?.spanContext()
    const asked: Asked = {
      attempt: bound(attempt, command),
      program: { file, args: args.length > 0 ? args : [file], envPairs, ...optional({ uid, gid }) },
      streams,
      ...(above === undefined ? {} : { parent: pick(above) }),
    }
    const as = { shell: false, argv0: undefined, uid: undefined, gid: undefined, cwd: command.cwd }
    return {
      file: process.execPath,
      args: [...FLAGS, ownFile('child-process/ask')],
      options: { ...options, ...as, env: { ...own, ...encode(asked) } },
    }
  }
}

const pick = ({ traceId, spanId, traceFlags }: SpanContext) => ({ traceId, spanId, traceFlags })
const optional = ({ uid, gid }: { uid: unknown; gid: unknown }) => ({
  ...(typeof uid === 'number' ? { uid } : {}),
  ...(typeof gid === 'number' ? { gid } : {}),
})

function ownEnvironment(env: Environment): Environment {
  const own = Object.entries(env).filter(([name]) =>
    /^(HOLDPOINT_|OTEL_|npm_package_version$|SystemRoot$)/.test(name),
  )
  const credentials = env.HOLDPOINT_CREDENTIALS
  return {
    ...Object.fromEntries(own),
    ...(credentials ? { HOLDPOINT_CREDENTIALS: resolve(credentials) } : {}),
  }
}

/** One variable holds no more than 128 KiB on Linux. */
const MOST = 100_000
const NAME = /^HOLDPOINT_ASKED_\d+$/

/** In its environment: that is nobody else's to read, and no file has to be cleared away. */
function encode(asked: Asked): Environment {
  const text = Buffer.from(JSON.stringify(asked)).toString('base64')
  const parts = Array.from({ length: Math.ceil(text.length / MOST) }, (_, at) =>
    text.slice(at * MOST, (at + 1) * MOST),
  )
  return Object.fromEntries(parts.map((part, at) => [`HOLDPOINT_ASKED_${at}`, part]))
}

/** Takes it out of the environment, too. */
export function takeAsked(env: Environment): Asked {
  const count = Object.keys(env).filter((name) => NAME.test(name)).length
  const names = Array.from({ length: count }, (_, at) => `HOLDPOINT_ASKED_${at}`)
  const text = names.map((name) => env[name]).join('')
  for (const name of names) delete env[name]
  return JSON.parse(Buffer.from(text, 'base64').toString()) as Asked
}
