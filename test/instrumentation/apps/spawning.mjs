// Starts a program, here or in a worker thread, as somebody does who has never heard of a gate.
import { spawn } from 'node:child_process'
import { isMainThread, Worker } from 'node:worker_threads'

const [, , how, file] = process.argv
if (isMainThread && how === 'worker') new Worker(new URL(import.meta.url), { argv: [how, file] })
else {
  const child = spawn('touch', [file], { stdio: 'ignore' })
  process.stdout.write(`${child.pid}\n`)
}
