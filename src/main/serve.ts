import {
  type Config,
  createLog,
  createStack,
  createTelemetry,
  type ExitCode,
  type Io,
  type Log,
  type LogLevel,
  readConfig,
  type Stack,
  type Telemetry,
} from '#runtime'

export interface Process {
  config: Config
  log: Log
  stack: Stack
  telemetry: Telemetry
  /** Ends the process with exit code 1, in order: something that it cannot do without has failed. */
  fail(error: unknown): void
}

/** A long-running process: configuration, logs, own telemetry; started, and stopped in order when asked to. */
export async function serve(
  name: string,
  io: Io,
  start: (process: Process) => Promise<void>,
): Promise<ExitCode> {
  const config = readConfig(io)
  const log = createLog({ name, level: config.log.level as LogLevel })
  const stack = createStack(log)
  const over = Promise.withResolvers<ExitCode>()
  const fail = (error: unknown): void => {
    log.error('stopping: this process cannot go on', { error })
    over.resolve(1)
  }
  io.signal.addEventListener('abort', () => over.resolve(0))
  try {
    const telemetry = await stack.start(createTelemetry({ name, env: io.env, metrics: { log } }))
    await start({ config, log, stack, telemetry, fail })
    if (io.signal.aborted) over.resolve(0)
    const code = await over.promise
    log.info('stopping')
    return code
  } finally {
    // Also where the start failed half-way: what is up already must not outlive it.
    await stack.stop()
  }
}
