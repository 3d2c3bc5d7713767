import { expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { createLog, type LogLevel } from '#runtime'

function capture(options: { level?: LogLevel; human?: boolean } = {}) {
  const lines: string[] = []
  const log = createLog({
    name: 'broker',
    level: 'info',
    human: false,
    ...options,
    write: (line) => lines.push(line),
  })
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line)) }
}

/** What somebody would send to forge a line, steer a terminal or turn text around. */
const HOSTILE = 'a\r\n{"level":"info"}\x1b[2J\x9b31m\x7f\u2028\u202e\u200b\u{e0041}z'
const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/u

test('log - one JSON object on one line, with time, level, process and fields', () => {
  const { log, parsed } = capture()
  log.child({ requestId: 'r1' }).warn('held', { rule: 'export' })
  expect(parsed()).toEqual([
    expect.objectContaining({
      level: 'warn',
      process: 'broker',
      msg: 'held',
      requestId: 'r1',
      rule: 'export',
    }),
  ])
  expect(parsed()[0].time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

test('log - below its level nothing is written', () => {
  const { log, lines } = capture({ level: 'error' })
  log.debug('a')
  log.info('b')
  log.warn('c')
  expect(lines).toEqual([])
})

test('log - an error keeps its code, its stack and its cause', () => {
  const { log, parsed } = capture()
  log.error('failed', { error: new HoldpointError('STALE', 'old', { cause: new Error('inner') }) })
  expect(parsed()[0].error).toMatchObject({ code: 'STALE', message: expect.stringContaining('old') })
  expect(JSON.stringify(parsed()[0].error)).toContain('inner')
})

test.for([
  ['message', (log: ReturnType<typeof createLog>) => log.info(HOSTILE)],
  ['field', (log: ReturnType<typeof createLog>) => log.info('m', { target: HOSTILE })],
  [
    'nested field',
    (log: ReturnType<typeof createLog>) => log.info('m', { action: { [HOSTILE]: [HOSTILE] } }),
  ],
  ['error', (log: ReturnType<typeof createLog>) => log.info('m', { error: new Error(HOSTILE) })],
  ['child', (log: ReturnType<typeof createLog>) => log.child({ agent: HOSTILE }).info('m')],
] as const)('log - a hostile %s stays inside its line and its quotes', ([, write]) => {
  const { log, lines, parsed } = capture()
  write(log)
  expect(lines).toHaveLength(1)
  expect(lines[0]?.endsWith('\n')).toBe(true)
  expect(lines[0]?.slice(0, -1)).not.toMatch(UNSEEN)
  expect(JSON.stringify(parsed()[0])).toContain(JSON.stringify(HOSTILE).slice(1, -1))
})

test('log - for people a hostile text shows its control characters and obeys none', () => {
  const { log, lines } = capture({ human: true })
  log.warn(HOSTILE, { target: HOSTILE, nested: { deep: HOSTILE } })
  expect(lines).toHaveLength(1)
  expect(lines[0]?.slice(0, -1)).not.toMatch(UNSEEN)
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}broker: a\\u\{d\}/)
})

test('log - what the message says of its cause is not said again, what it does not say is', () => {
  const { log, parsed } = capture()
  const cause = new Error('refused')
  log.error('failed', { error: new HoldpointError('STALE', 'cannot be reached: refused', { cause }) })
  log.error('failed', { error: new HoldpointError('STALE', 'cannot be reached', { cause }) })
  cause.cause = cause
  log.error('failed', { error: cause })
  expect(parsed().map(({ error }) => error.message)).toEqual([
    'cannot be reached: refused',
    'cannot be reached: refused',
    'refused',
  ])
})

test('log - for people an error shows its code and its stack', () => {
  const { log, lines } = capture({ human: true })
  log.error('failed', { error: new HoldpointError('STALE', 'too old') })
  expect(lines[0]).toContain('error=STALE: too old')
  expect(lines[0]).toContain('log.test.ts')
})
