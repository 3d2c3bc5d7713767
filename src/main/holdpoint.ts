import { completionCommand, type Program, runProgram } from '#runtime'
import { commandsFor } from './commands.ts'
import { createProcessIo } from './process-io.ts'
import { SUMMARY, VERSION } from './version.ts'

/** The NATS client keeps the socket of an attempt that nobody answered, and a process that is over would stay with it. */
const LINGER_MS = 1_000

const argv = process.argv.slice(2)
const program: Program = {
  name: 'holdpoint',
  version: VERSION,
  summary: SUMMARY,
  commands: [...(await commandsFor(argv[0])), completionCommand(() => program)],
}
process.exitCode = await runProgram(program, argv, createProcessIo())
setTimeout(() => process.exit(), LINGER_MS).unref()
