#!/usr/bin/env node
// The program `holdpoint`: goes on under a Node that can run it, and is otherwise not there.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isClone, missingNode, packagesAreCurrent, projectNode, setUp } from './setup.mjs'

const WANTED_MAJOR = 26
const program = new URL('./published.ts', import.meta.url)

try {
  if (isClone() && !packagesAreCurrent()) await setUp()
  const [major, minor] = process.versions.node.split('.').map(Number)
  const node = major >= WANTED_MAJOR ? undefined : projectNode()
  // From 22.18 on Node runs TypeScript without being asked: good enough where no newer one can be had.
  const stripsTypes = major > 22 || (major === 22 && minor >= 18)
  if (node) goOnUnder(node)
  else if (stripsTypes) await import(program.href)
  else throw new Error(missingNode())
} catch (error) {
  process.stderr.write(`holdpoint: ${error.message}\n`)
  process.exitCode = 1
}

function goOnUnder(node) {
  const args = [...process.execArgv, fileURLToPath(program), ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'])
    process.on(signal, () => {
      // A terminal signals the whole group, so the child has its own Ctrl-C already; twice would mean "hurry".
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal)
    })
  child.on('error', (error) => {
    process.stderr.write(`holdpoint: ${node} could not be started: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
  })
}
