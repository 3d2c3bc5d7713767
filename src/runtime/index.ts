export { createClaim, refuseClaimed } from './claim.ts'
export {
  type Command,
  defineCommand,
  type ExitCode,
  type Invocation,
  type Io,
  type Options,
  type PassedOn,
} from './command.ts'
export { completionCommand } from './command-completion.ts'
export { type Program, runProgram } from './command-run.ts'
export { type Component, composeComponents, createStack, type Stack, whileRunning } from './component.ts'
export { type ConfigSources, readConfig } from './config.ts'
export type { Config } from './config-keys.ts'
export { configReference } from './config-reference.ts'
export { isConfirmed, type Question } from './confirm.ts'
export { createHttpServer, type Fetch, type HttpServer } from './http-server.ts'
export { createLog, LOG_LEVELS, type Log, type LogFields, type LogLevel, type LogOptions } from './log.ts'
export { createExposition, EXPOSITION_TYPE } from './metrics/exposition.ts'
export {
  type AttributesOf,
  createMeter,
  type Instrument,
  type Meter,
  type Observe,
} from './metrics/instrument.ts'
export { PROCESS_INSTRUMENTS, watchProcess } from './metrics/process.ts'
export { labelName, prometheusName } from './metrics/prometheus-name.ts'
export { NATS_INSTRUMENTS, watchRoundTrip } from './metrics/round-trip.ts'
export { createMetricsServer, METRICS_PORTS } from './metrics/server.ts'
export { createNatsServer, type NatsServer, type NatsServerOptions } from './nats-server.ts'
export { findNatsServer, natsServerVersion } from './nats-server-path.ts'
export { versionRefusal } from './nats-version.ts'
export { freePort, listenFrom } from './port.ts'
export {
  clearRunning,
  type Running,
  readRunning,
  requireRunning,
  writeRunning,
} from './running.ts'
export { createTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts'
