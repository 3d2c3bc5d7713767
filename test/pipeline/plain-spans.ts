import { expect, it } from 'vitest'
import { decodeSpan } from '../../src/pipeline/otlp/protobuf.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import type { PlainAction, PlainKind } from '../../src/pipeline/verification/plain/action.ts'
import { readPlainActions } from '../../src/pipeline/verification/plain/read.ts'
import { aSpan, encodeProtobuf, type Sample, type SampleSpan } from './encode.ts'

/** What a client's span with these attributes says was done. */
export function read(
  kind: PlainKind,
  attributes: Record<string, Sample>,
  over: SampleSpan = {},
): PlainAction[] {
  const body = encodeProtobuf({ spans: [aSpan({ name: 'x', kind: 3, ...over, attributes })] })
  const [range] = scanTraces(body, []).resources[0]?.scopes[0]?.spans ?? []
  if (range === undefined) throw new Error('no span')
  return readPlainActions(decodeSpan(body, range), (one) => one === kind)
}

/** Name, target, and a question mark where it is unsure: one line for each action. */
export const told = (actions: readonly PlainAction[]): string[] =>
  actions.map(
    ({ names, target, unsure }) =>
      `${names[0]}${target === undefined ? '' : ` @ ${target}`}${unsure ? ' ?' : ''}`,
  )

type Case = [what: string, attributes: Record<string, Sample>, expected: string[], over?: SampleSpan]

export const table = (kind: PlainKind, cases: Case[]): void => {
  it.each(cases)(`plain ${kind} - %s`, (_, attributes, expected, over) => {
    expect(told(read(kind, attributes, over))).toEqual(expected)
  })
}
