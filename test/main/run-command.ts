import { type Program, runProgram } from '#runtime'
import { commandsFor } from '../../src/main/commands.ts'
import { SUMMARY, VERSION } from '../../src/main/version.ts'
import { createFakeIo } from '../support/io.ts'
import { type Finished, withoutOurs } from '../support/program.ts'

/**
 * One command of `holdpoint`, as a process of its own would run it and in this one: most of what such a process takes
 * is reading the modules that stand here already. That the program can be started is for one test of each command.
 */
export async function runCommand(
  args: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Promise<Finished> {
  const io = { ...createFakeIo({ cwd, env: { ...withoutOurs(process.env), ...env } }), now: Date.now }
  const program: Program = {
    name: 'holdpoint',
    version: VERSION,
    summary: SUMMARY,
    commands: await commandsFor(args[0]),
  }
  const code = await runProgram(program, args, io)
  return { code, stdout: io.out(), stderr: io.err() }
}
