import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { linesOf, readSnapshot } from './instrumentation/compatibility.ts'
import { CONTRACT } from './instrumentation/contract/index.ts'
import type { Driver } from './instrumentation/driver.ts'
import { installedVersion, writeMatrix } from './instrumentation/matrix.ts'
import { type Cell, POINTS, type Point } from './instrumentation/points.ts'
import { enterStage, type House, type Stage, startHouse } from './instrumentation/stage.ts'

export { outputsOf } from './instrumentation/contract/index.ts'
export type { Driver, Output, Outputs, Parameters, ToolCall, Turn } from './instrumentation/driver.ts'
export { PARAMETERS, PARAMETERS_SCHEMA } from './instrumentation/driver.ts'
export { callOf, EXPORTED, fails, isLate, type Stage } from './instrumentation/stage.ts'

/** Points that a framework cannot fill, each with what its own limit is and a test that shows it. */
export type Limits<Sdk> = Partial<
  Record<Point, { note: string; test: (stage: Stage<Sdk>) => Promise<void> | void }>
>

/**
 * The one contract of all instrumentations: real package, real nats-server, real gate, scripted broker and model.
 *
 *     // test/instrumentation/drivers/my-sdk.ts: how a program uses this SDK; knows neither gate nor vitest
 *     export const driver: Driver<typeof import('my-sdk')> = {
 *       framework: 'my-sdk', package: 'my-sdk', kind: 'tool',
 *       copies: [{ name: 'ESM', load: () => import('my-sdk') }, { name: 'CommonJS', load: () => require('my-sdk') }],
 *       methods: (sdk) => [[sdk.Client.prototype, 'runTools']],
 *       unknown: { user: 'my-sdk knows of no user' },
 *       async run(sdk, turn) { … return { [callId]: { text, isError } } },
 *     }
 *     // test/instrumentation/my-sdk.test.ts
 *     testInstrumentation(driver, { 'client-timeout': { note: '…', test: async ({ run, scene }) => { … } } })
 *
 * The driver's file is named as its framework: one program per copy is started from it, to be killed.
 * What is special to the SDK is tested in `special`, for each copy, on the same stage. When all points of all copies
 * have passed, their cells are written for the compatibility table.
 */
export function testInstrumentation<Sdk>(
  driver: Driver<Sdk>,
  limits: Limits<Sdk> = {},
  special: (stage: () => Stage<Sdk>) => void = () => {},
): void {
  let house: House
  const cells: Cell[] = []

  beforeAll(async () => {
    house = await startHouse(driver)
  })
  afterAll(async () => {
    await house.stop()
    if (cells.length === driver.copies.length * POINTS.length) writeMatrix(driver.framework, cells)
  })
  beforeEach(() => {
    house.spans.reset()
    house.scene.broker.onRequest = () => undefined
    for (const told of ['requests', 'calls', 'outcomes'] as const) house.scene.broker[told].length = 0
  })

  describe.each(driver.copies)('$name', (copy) => {
    let stage: Stage<Sdk>
    beforeAll(async () => {
      stage = await enterStage(house, driver, copy)
    })

    special(() => stage)

    const sentences = POINTS.map((point) => [point, limits[point]?.note ?? CONTRACT[point][0]] as const)
    test.each(sentences)(`${driver.framework} - %s: %s`, async (point) => {
      const limit = limits[point]
      expect.hasAssertions()
      await (limit === undefined ? CONTRACT[point][1](stage) : limit.test(stage))
      const { framework, package: name } = driver
      const note = limit?.note ?? noteOf(driver, point)
      cells.push({
        framework,
        package: name,
        version: installedVersion(name),
        copy: copy.name,
        point,
        result: limit === undefined ? 'works' : 'limit',
        ...(note === undefined ? {} : { note }),
      })
    })
  })

  test(`${driver.framework} - the compatibility table says what was found`, ({ skip }) => {
    const isWhole = cells.length === driver.copies.length * POINTS.length
    if (!isWhole || process.env.HOLDPOINT_COMPATIBILITY === 'write') skip()
    const known = readSnapshot().filter(({ framework }) => framework === driver.framework)
    expect(linesOf(cells), 'made anew by: npm run compatibility').toEqual(linesOf(known))
  })
}

function noteOf<Sdk>({ unknown = {} }: Driver<Sdk>, point: Point): string | undefined {
  return point === 'captured' && Object.keys(unknown).length > 0
    ? Object.values(unknown).join('; ')
    : undefined
}
