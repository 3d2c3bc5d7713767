import { expect, test } from 'vitest'
import type { RequestSummary } from '#contract'
import type { Desk } from '#desk'
import { createHub } from '../../src/api/stream/hub.ts'
import { createFakeLog } from '../support/log.ts'

type Watcher = Parameters<Desk['watch']>[0]
const request = { requestId: '1-abcd', reviews: [{}, {}] } as RequestSummary

test('event streams - one that cannot take an event keeps none of the others from it', () => {
  let announce: Watcher = () => {}
  const log = createFakeLog()
  const watch: Desk['watch'] = (watcher) => {
    announce = watcher
    return () => {}
  }
  const hub = createHub({ desk: { watch }, log })
  const heard: string[] = []
  hub.listen(() => {
    throw new Error('broken')
  })
  hub.listen(({ event }) => heard.push(event))
  expect(() => announce('opened', request)).not.toThrow()
  expect(heard).toEqual(['opened'])
  expect(log.lines).toMatchObject([{ level: 'error', fields: { event: 'opened.1-abcd' } }])
})

test('event streams - a reader that came while nothing could be watched is not kept', () => {
  let isClosed = true
  let announce: Watcher = () => {}
  const watch: Desk['watch'] = (watcher) => {
    if (isClosed) throw new Error('closed')
    announce = watcher
    return () => {}
  }
  const hub = createHub({ desk: { watch }, log: createFakeLog() })
  const heard: string[] = []
  expect(() => hub.listen(() => heard.push('early'))).toThrow('closed')
  isClosed = false
  hub.listen(() => heard.push('late'))
  announce('opened', request)
  expect(heard).toEqual(['late'])
})

test('event streams - what comes more than once for a request has an id of its own each time', () => {
  let announce: Parameters<Desk['watch']> = [() => {}]
  const watch: Desk['watch'] = (...watchers) => {
    announce = watchers
    return () => {}
  }
  const hub = createHub({ desk: { watch }, log: createFakeLog() })
  const heard: unknown[] = []
  hub.listen(({ id, about }) => heard.push([id, about]))
  const [onEvent, onAlarm] = announce
  onEvent('escalated', request, '1')
  onEvent('escalated', request, '2')
  onEvent('reviewed', request, '41')
  onEvent('decided', request)
  onAlarm?.({ kind: 'frozen', atMs: 1, text: 'Frozen.' }, 'frozen._all.3')
  expect(heard).toEqual([
    ['escalated.1-abcd.1', '1-abcd'],
    ['escalated.1-abcd.2', '1-abcd'],
    ['reviewed.1-abcd.2', '1-abcd'],
    ['decided.1-abcd', '1-abcd'],
    ['alarm.frozen._all.3', undefined],
  ])
})
