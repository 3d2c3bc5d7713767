import { readFileSync } from 'node:fs'
import { type Command, runProgram } from '#runtime'
import { createProcessIo } from './process-io.ts'

/** Every command of `holdpoint`, one line each; the rooms export their own. */
const commands: Command[] = []

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const program = {
  name: 'holdpoint',
  version: manifest.version as string,
  summary: manifest.description as string,
  commands,
}

process.exitCode = await runProgram(program, process.argv.slice(2), createProcessIo())
