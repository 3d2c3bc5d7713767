import { enrolmentCommands, openHome } from '#broker'
import { webhookCommands } from '#channels'
import { type DeskAccess, dutyCommands, requestsCommands } from '#desk'
import { gatewayCommands } from '#gateway'
import { identityCommands, readSession } from '#identity'
import { policyCommands } from '#policy/command'
import { type Command, completionCommand, runProgram } from '#runtime'
import { schemaCommands, sqlCommand } from '#store'
import { brokerCommand } from './broker.ts'
import { configuredCredentials } from './connection.ts'
import { deskCommand } from './desk.ts'
import { doctorCommand } from './doctor.ts'
import { pipelineCommand, pipelineDlqCommand } from './pipeline.ts'
import { policyApplyCommand } from './policy-apply.ts'
import { createProcessIo } from './process-io.ts'
import { upCommand } from './up.ts'
import { SUMMARY, VERSION } from './version.ts'

const deskAccess: DeskAccess = {
  token: readSession,
  credentials: ({ dataDir, nats }) => configuredCredentials('desk', openHome(dataDir), nats.credentials),
}

/** Every command of `holdpoint`, one line each; the rooms export their own. */
const commands: Command[] = [
  upCommand,
  brokerCommand,
  deskCommand,
  pipelineCommand,
  pipelineDlqCommand,
  ...gatewayCommands,
  ...enrolmentCommands,
  ...policyCommands,
  policyApplyCommand,
  ...identityCommands,
  ...requestsCommands(deskAccess),
  ...dutyCommands(deskAccess),
  ...webhookCommands({
    credentials: ({ dataDir, channels }) =>
      configuredCredentials('channel', openHome(dataDir), channels.credentials),
  }),
  sqlCommand,
  ...schemaCommands,
  doctorCommand,
  completionCommand(() => program),
]

const program = {
  name: 'holdpoint',
  version: VERSION,
  summary: SUMMARY,
  commands,
}

/** The NATS client keeps the socket of an attempt that nobody answered, and a process that is over would stay with it. */
const LINGER_MS = 1_000

process.exitCode = await runProgram(program, process.argv.slice(2), createProcessIo())
setTimeout(() => process.exit(), LINGER_MS).unref()
