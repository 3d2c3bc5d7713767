import { expect, test } from 'vitest'
import type { RequestSummary } from '#contract'
import type { Desk } from '#desk'
import { createHub } from '../../src/api/stream/hub.ts'
import { createFakeLog } from '../support/log.ts'

type Watcher = Parameters<Desk['watch']>[0]
const request = { requestId: '1-abcd' } as RequestSummary

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
  hub.listen((event) => heard.push(event))
  expect(() => announce('opened', request)).not.toThrow()
  expect(heard).toEqual(['opened'])
  expect(log.lines).toMatchObject([{ level: 'error', fields: { requestId: '1-abcd' } }])
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
