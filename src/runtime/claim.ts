import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldpointError } from '#contract'
import type { Component } from './component.ts'
import { isAlive } from './running.ts'

/**
 * This data folder is this process' until it stops: a second nats-server on the same streams would spoil them.
 * `start` throws UNAVAILABLE, naming the process that has it. A claim whose process is gone is taken over.
 */
export function createClaim(dataDir: string): Component {
  const file = join(dataDir, 'up.pid')
  let isOurs = false
  return {
    name: 'data folder',
    async start() {
      refuseClaimed(dataDir)
      if (existsSync(file)) rmSync(file, { force: true })
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      // Exclusive: of two that find it free at once, one gets it.
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 })
      isOurs = true
    },
    async stop() {
      if (isOurs) rmSync(file, { force: true })
      isOurs = false
    },
  }
}

/** Throws UNAVAILABLE where another process that still lives has claimed the folder. */
export function refuseClaimed(dataDir: string): void {
  const file = join(dataDir, 'up.pid')
  const pid = holder(file)
  if (pid === undefined || pid === process.pid || !isAlive(pid)) return
  throw new HoldpointError(
    'UNAVAILABLE',
    `Holdpoint runs already from ${dataDir} (process ${pid}): stop that one, or choose another folder with ` +
      `HOLDPOINT_DATA_DIR. If that process is something else, remove ${file}`,
  )
}

function holder(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}
