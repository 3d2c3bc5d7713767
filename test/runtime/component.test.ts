import { expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { type Component, composeComponents, createStack } from '#runtime'
import { createFakeLog } from '../support/log.ts'

function createRecorder() {
  const seen: string[] = []
  const component = (name: string, faults: { start?: Error; stop?: Error } = {}): Component => ({
    name,
    async start() {
      seen.push(`start ${name}`)
      if (faults.start) throw faults.start
    },
    async stop() {
      seen.push(`stop ${name}`)
      if (faults.stop) throw faults.stop
    },
  })
  return { seen, component }
}

test('components - start in order and stop in reverse', async () => {
  const { seen, component } = createRecorder()
  const all = composeComponents([component('store'), component('broker'), component('http')], createFakeLog())
  await all.start()
  await all.stop()
  expect(seen).toEqual([
    'start store',
    'start broker',
    'start http',
    'stop http',
    'stop broker',
    'stop store',
  ])
})

test('components - one that cannot start is named, and those before it are stopped', async () => {
  const { seen, component } = createRecorder()
  const cause = new Error('port taken')
  const parts = [
    component('store'),
    component('broker'),
    component('http', { start: cause }),
    component('never'),
  ]
  const failure = await composeComponents(parts, createFakeLog())
    .start()
    .catch((error) => error)
  expect(failure).toBeInstanceOf(HoldpointError)
  expect(failure.message).toBe('http could not start: port taken')
  expect(failure.cause).toBe(cause)
  expect(seen).toEqual(['start store', 'start broker', 'start http', 'stop broker', 'stop store'])
})

test('components - the code of the error that kept one from starting is kept', async () => {
  const { component } = createRecorder()
  const stale = new HoldpointError('STALE', 'the key set has expired')
  const all = composeComponents([component('broker', { start: stale })], createFakeLog())
  await expect(all.start()).rejects.toMatchObject({
    code: 'STALE',
    message: 'broker could not start: the key set has expired',
  })
})

test('components - one that fails to stop is logged and keeps nobody else from stopping', async () => {
  const { seen, component } = createRecorder()
  const log = createFakeLog()
  const all = composeComponents([component('store'), component('http', { stop: new Error('stuck') })], log)
  await all.start()
  await all.stop()
  expect(seen.slice(2)).toEqual(['stop http', 'stop store'])
  expect(log.lines.filter((line) => line.level === 'error').map((line) => line.fields.component)).toEqual([
    'http',
  ])
})

test('components - stopping twice, or twice at once, stops each of them once', async () => {
  const { seen, component } = createRecorder()
  const all = composeComponents([component('store'), component('http')], createFakeLog())
  await all.start()
  await Promise.all([all.stop(), all.stop()])
  await all.stop()
  expect(seen.filter((line) => line.startsWith('stop'))).toEqual(['stop http', 'stop store'])
})

test('components - asked to stop while starting, what is up is stopped and the rest is never started', async () => {
  const { seen, component } = createRecorder()
  const slow = component('slow')
  const begun = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const waits: Component = {
    ...slow,
    async start() {
      await slow.start()
      begun.resolve()
      await gate.promise
    },
  }
  const all = composeComponents([component('store'), waits, component('never')], createFakeLog())
  const starting = all.start()
  await begun.promise
  const stopping = all.stop()
  gate.resolve()
  await Promise.all([starting, stopping])
  expect(seen).toContain('stop slow')
  expect(seen).toContain('stop store')
  expect(seen).not.toContain('start never')
})

test('stack - each starts when it is added, and all stop in reverse', async () => {
  const { seen, component } = createRecorder()
  const stack = createStack(createFakeLog())
  const nats = await stack.start(component('nats'))
  expect(nats.name).toBe('nats')
  await stack.start(component('broker'))
  await stack.stop()
  expect(seen).toEqual(['start nats', 'start broker', 'stop broker', 'stop nats'])
})

test('stack - one that cannot start is named, and those before it are stopped', async () => {
  const { seen, component } = createRecorder()
  const stack = createStack(createFakeLog())
  await stack.start(component('nats'))
  const failure = stack.start(component('broker', { start: new HoldpointError('STALE', 'old keys') }))
  await expect(failure).rejects.toMatchObject({ code: 'STALE', message: 'broker could not start: old keys' })
  await stack.stop()
  expect(seen).toEqual(['start nats', 'start broker', 'stop nats'])
})

test('stack - whoever asks it to stop a second time also waits until it has', async () => {
  const { seen, component } = createRecorder()
  const drained = Promise.withResolvers<void>()
  const slow = component('slow')
  const stack = createStack(createFakeLog())
  await stack.start({ ...slow, stop: () => drained.promise.then(slow.stop) })
  const first = stack.stop()
  const second = stack.stop().then(() => seen.push('second returned'))
  drained.resolve()
  await Promise.all([first, second])
  expect(seen).toEqual(['start slow', 'stop slow', 'second returned'])
})
