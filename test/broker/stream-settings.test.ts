import { expect, test } from 'vitest'
import { differencesOf, unknownSettings } from '../../src/broker/history/stream-settings.ts'

const WANTED = { name: 'S', subjects: ['s'], storage: 'file', max_age: 0, deny_delete: true, num_replicas: 1 }
const LIVE = {
  ...WANTED,
  storage: 'file',
  discard: 'old',
  metadata: { '_nats.ver': '9' },
  consumer_limits: {},
}

// Those that this server does not let anybody change under a running stream; another may.
test.each([
  ['deny_delete', false],
  ['mirror', { name: 'OTHER' }],
  ['persist_mode', 'async'],
  ['allow_msg_schedules', true],
  ['allow_msg_counter', true],
  ['allow_rollup_hdrs', true],
  ['mirror_direct', true],
  ['subject_delete_marker_ttl', 1_000_000_000],
  ['retention', 'workqueue'],
  ['max_consumers', 1],
  ['num_replicas', 0],
])('stream settings - %s %j is a difference', (setting, value) => {
  expect(differencesOf(WANTED, { ...LIVE, [setting]: value }).map((one) => one.setting)).toEqual([setting])
})

test('stream settings - what a server leaves out is unset, and a stream may be stricter or on more servers', () => {
  expect(differencesOf(WANTED, LIVE)).toEqual([])
  expect(
    differencesOf(WANTED, { ...LIVE, num_replicas: 3, deny_purge: true, sources: [], persist_mode: '' }),
  ).toEqual([])
})

test.each([undefined, 'default', 'async'])(
  'stream settings - a stream that need not wait for the disk may have the mode %s',
  (persist_mode) => {
    const wanted = { ...WANTED, persist_mode: 'async' }
    expect(differencesOf(wanted, { ...LIVE, persist_mode })).toEqual([])
  },
)

test('stream settings - left out where it has to be there is a difference', () => {
  const { deny_delete: _, ...without } = LIVE
  expect(differencesOf(WANTED, without).map(({ setting }) => setting)).toEqual(['deny_delete'])
})

test('stream settings - a stream out of which keys are erased must permit it', () => {
  const erasable = { ...WANTED, deny_delete: false }
  expect(differencesOf(erasable, LIVE).map(({ setting }) => setting)).toEqual(['deny_delete'])
})

test('stream settings - one in use that nobody here knows is named, one that is off is not', () => {
  expect(unknownSettings(WANTED, { ...LIVE, allow_time_travel: true, allow_nothing: false })).toEqual([
    'allow_time_travel',
  ])
})
