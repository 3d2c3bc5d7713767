import { expect, test } from 'vitest'
import { versionRefusal } from '#runtime'

test.each([
  '2.9.10',
  '2.10.27',
  '2.11.99',
  '2.12.0',
  '2.12.14',
  '2.12.15-RC.1',
  '2.13.0',
  '2.13.99',
  '2.14.4',
  '2.14.5-RC.2',
  '2.15.0-preview.1',
  '1.99.0',
  '0.0.0',
])('nats version - %s is refused, and the faults are named', (version) => {
  expect(versionRefusal(version)).toMatch(/expected 2\.12\.15, 2\.14\.5.*CVE-2026-33222/)
})

test.each(['', 'latest', '2.15', '2.15.1.4', '-2.15.1', '2.15.1\n', '２.15.1'])(
  'nats version - what is no version is refused: %j',
  (version) => {
    expect(versionRefusal(version)).toContain(JSON.stringify(version))
  },
)

test.each(['2.12.15', '2.12.16-RC.1', '2.14.5', '2.14.12', '2.15.0', '2.15.1', '2.20.3', '3.0.0', 'v2.15.1'])(
  'nats version - %s may carry decisions',
  (version) => {
    expect(versionRefusal(version)).toBeUndefined()
  },
)
