import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClaim, refuseClaimed } from '#runtime'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-claim-'))
  file = join(dir, 'up.pid')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('claim - a folder that another living process has is refused, and its claim is left alone', async () => {
  writeFileSync(file, String(process.ppid))
  expect(() => refuseClaimed(dir)).toThrow(`process ${process.ppid}`)
  const claim = createClaim(dir)
  await expect(claim.start()).rejects.toThrow(/runs already .*HOLDPOINT_DATA_DIR/)
  await claim.stop()
  expect(readFileSync(file, 'utf8')).toBe(String(process.ppid))
})

test.each([
  // Larger than any process id that Linux gives out.
  ['of a process that is gone', String(2 ** 22 + 1)],
  ['that a crash left empty', ''],
  ['that names no process', '-1'],
])('claim - one %s is taken over', async (_, left) => {
  writeFileSync(file, left)
  const claim = createClaim(dir)
  await claim.start()
  expect(readFileSync(file, 'utf8')).toBe(String(process.pid))
  await claim.stop()
  expect(existsSync(file)).toBe(false)
})

test('claim - the folder is made, for its owner alone, and free again after the stop', async () => {
  const made = join(dir, 'new')
  const claim = createClaim(made)
  await claim.start()
  expect(statSync(made).mode & 0o777).toBe(0o700)
  await claim.stop()
  await claim.stop()
  expect(() => refuseClaimed(made)).not.toThrow()
})
