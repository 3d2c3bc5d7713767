/** A process between client and server that does nothing: what any gateway costs before it does anything. */
import { spawn } from 'node:child_process'

const [command = '', ...args] = process.argv.slice(2)
const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
process.stdin.pipe(server.stdin)
server.stdout.pipe(process.stdout)
