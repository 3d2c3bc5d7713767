import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Two terminals on a fresh clone must not install over each other: the second waits for the first. */
export async function withLock(path, say, work) {
  mkdirSync(dirname(path), { recursive: true })
  let told = false
  while (!take(path)) {
    const holder = Number(read(path))
    if (holder > 0 && !isAlive(holder)) rmSync(path, { force: true })
    else {
      if (!told)
        say(`waiting for another set-up${holder > 0 ? ` (process ${holder})` : ''}; its lock is ${path}`)
      told = true
      await new Promise((wake) => setTimeout(wake, 250))
    }
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
