import { runNamed } from '../support/runner.ts'

process.exitCode = await runNamed(import.meta.dirname, process.argv.slice(2))
