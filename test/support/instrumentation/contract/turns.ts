import { expect, vi } from 'vitest'
import type { RecordedSpans } from '../../spans.ts'
import type { Outputs, Turn } from '../driver.ts'
import type { Point } from '../points.ts'
import { callOf, EXPORTED, type Settled, type Stage } from '../stage.ts'

/** What a point means, in words, and how it is tested. */
export type Contract = Readonly<Record<Point, readonly [sentence: string, test: PointTest]>>
export type PointTest = <Sdk>(stage: Stage<Sdk>) => Promise<void>

export const SOON = { timeout: 5_000, interval: 2 }
/** A process of its own starts first. */
export const LATER = { timeout: 20_000, interval: 20 }

export const exporting = () => vi.fn(async (_given: unknown) => EXPORTED)

/** One call, and every tool there is does the same. */
export const turnOf = (tool: Turn['tools'][string], more: Partial<Turn> = {}): Turn => ({
  calls: [callOf(1)],
  tools: { lookup_customers: tool, export_customers: tool, drop_customers: tool },
  ...more,
})

export const refused = (why: RegExp) => ({ text: expect.stringMatching(why) as string })
export const limitIn = ({ action }: { action: { arguments: unknown } }) =>
  (action.arguments as { limit: number }).limit

/** Fails where the run did. */
export function outputsOf(settled: Settled): Outputs {
  expect(settled).toHaveProperty('outputs')
  return (settled as { outputs: Outputs }).outputs
}

/** The spans of one tool's calls, whoever has opened them. */
export const spansOf = (tool: string, spans: RecordedSpans) =>
  spans.all().filter(({ attributes }) => attributes['gen_ai.tool.name'] === tool)
