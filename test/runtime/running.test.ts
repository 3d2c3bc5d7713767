import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clearRunning, type Running, readRunning, requireRunning, writeRunning } from '#runtime'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-running-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const running: Running = {
  pid: process.pid,
  nats: { url: 'nats://127.0.0.1:4222' },
  clickhouse: { url: 'http://127.0.0.1:8123', user: 'reader', password: 'x', database: 'holdpoint' },
  otlp: { url: 'http://127.0.0.1:4318' },
}

test('running - what was written is found again, and nobody else may read it', () => {
  writeRunning(dir, running)
  expect(readRunning(dir)).toEqual(running)
  expect(statSync(join(dir, 'runtime.json')).mode & 0o777).toBe(0o600)
})

test('running - nothing is found before the start, after the stop, or when its process is gone', () => {
  expect(readRunning(dir)).toBeUndefined()
  // Larger than any process id that Linux gives out.
  writeRunning(dir, { ...running, pid: 2 ** 22 + 1 })
  expect(readRunning(dir)).toBeUndefined()
  writeRunning(dir, running)
  clearRunning(dir)
  expect(() => requireRunning(dir)).toThrow(/start `holdpoint up`/)
})

test('running - a file that is none is said to be so', () => {
  writeFileSync(join(dir, 'runtime.json'), '{"pid":')
  expect(() => readRunning(dir)).toThrow(/runtime\.json/)
})
