import { syncBuiltinESMExports } from 'node:module'
import type { WorkerOptions } from 'node:worker_threads'
import { ownFile } from './own-files.ts'

type Environment = Readonly<Record<string, string | undefined>>
type Construct = (options: WorkerOptions) => object

/**
 * A thread gets a gate of its own by the `--import` that it inherits. Not so one that is given a text (Node imports
 * nothing before it) or flags of its own: these are told to require it, which comes before any code in either case.
 */
export function followIntoWorkers(env: Environment): void {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('HOLDPOINT_')))
  const exports = process.getBuiltinModule('node:worker_threads') as { Worker: object }
  exports.Worker = new Proxy(exports.Worker, {
    construct(Worker, [file, given, ...more], newTarget) {
      const options = withOwn({ ...(given as WorkerOptions | undefined) }, own)
      const construct: Construct = (one) =>
        Reflect.construct(Worker as never, [file, one, ...more], newTarget) as object
      if (!options.eval && options.execArgv === undefined) return construct(options)
      return required(options.execArgv ?? process.execArgv, (execArgv) => construct({ ...options, execArgv }))
    },
  })
  syncBuiltinESMExports()
}

/** As at the start of this process: whoever a thread's environment is made by must not choose its gate. */
function withOwn(options: WorkerOptions, own: Environment): WorkerOptions {
  const { env } = options
  if (typeof env !== 'object' || env === null) return options
  const others = Object.entries(env).filter(([name]) => !name.startsWith('HOLDPOINT_'))
  return { ...options, env: { ...Object.fromEntries(others), ...own } as NodeJS.Dict<string> }
}

/** Flags of the whole process, which a thread has anyway, Node refuses by name where they are given to one. */
function required(execArgv: readonly string[], construct: (execArgv: string[]) => object): object {
  try {
    return construct([...execArgv, '--require', ownFile('register')])
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_WORKER_INVALID_EXEC_ARGV' || execArgv !== process.execArgv) throw error
    const refused = message.slice(message.indexOf(':') + 1).split(',')
    const names = refused.map((flag) => flag.trim().split(/[ =]/, 1)[0])
    return construct([
      ...execArgv.filter((flag) => !names.includes(flag.split('=', 1)[0])),
      '--require',
      ownFile('register'),
    ])
  }
}
