import type { Gate } from '#gate'
import type { Instrumentation } from '../instrumentation.ts'
import { freezeCommand, readOnce, ruleCommand, type Start } from './command.ts'
import { type Child, type Spawn, spawnHeld } from './held.ts'
import { replaceSync } from './sync.ts'

/**
 * `node:child_process`, every way to start a program: all that do not block lead to `ChildProcess.prototype.spawn`, by
 * whatever name and from whichever module system they were taken; those that block are replaced one by one.
 */
export const childProcess: Instrumentation = {
  name: 'child-process',
  packages: {},
  specifiers: ['node:child_process'],
  patch(exports, gate) {
    const { ChildProcess } = exports as unknown as Module
    if (done.has(ChildProcess)) return
    done.add(ChildProcess)
    const pass = guardHandle(ChildProcess)
    const original = ChildProcess.prototype.spawn
    const spawn: Spawn = function (start) {
      return pass(() => original.call(this, start))
    }
    let seen: ((start: Start) => never) | undefined
    ChildProcess.prototype.spawn = function (start) {
      return seen?.(start) ?? spawnRuled(this, start, gate, spawn)
    }
    /** What Node makes of a call, without starting anything. */
    replaceSync(exports, gate, (call) => {
      const found: Start[] = []
      seen = (start) => {
        found.push(start)
        throw SEEN
      }
      try {
        call()
      } catch (error) {
        if (error !== SEEN) throw error
      } finally {
        seen = undefined
      }
      return found[0] as Start
    })
  },
}

interface Module {
  ChildProcess: { new (): Child; prototype: Child & { spawn: Spawn } }
}

const SEEN = new Error('seen')
const done = new WeakSet<object>()

function spawnRuled(child: Child, given: Start, gate: Gate, spawn: Spawn): number {
  const start = typeof given === 'object' && given !== null ? readOnce(given) : given
  // What Node itself refuses never starts anything.
  if (typeof start?.file !== 'string') return spawn.call(child, start)
  const command = freezeCommand(start)
  const { attempt, foreseen } = ruleCommand(gate, command)
  if (foreseen === 'run') {
    const held = gate.holdSync(attempt, () => spawn.call(child, command))
    if (held.ran) return held.value
  }
  return spawnHeld(child, command, attempt, gate, spawn)
}

/**
 * Below every `spawn` there is one method of Node's own handle. A call that does not come through ours comes from a
 * reference that was taken before, or past a patch that was taken off: it starts nothing.
 */
function guardHandle(ChildProcess: Module['ChildProcess']): <T>(run: () => T) => T {
  const handle = Object.getPrototypeOf(new ChildProcess()._handle) as { spawn?: unknown } | null
  const original = handle?.spawn
  if (handle === null || typeof original !== 'function')
    throw new TypeError('holdpoint: this version of Node starts processes in a way that cannot be controlled')
  let passing = 0
  handle.spawn = function (this: unknown, ...given: unknown[]) {
    if (passing === 0)
      throw new Error(
        'holdpoint: this would start a process past the gate; call what node:child_process exports',
      )
    return original.apply(this, given)
  }
  return (run) => {
    passing++
    try {
      return run()
    } finally {
      passing--
    }
  }
}
