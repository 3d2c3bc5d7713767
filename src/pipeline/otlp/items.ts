import { eachField } from './fields.ts'
import { ITEM, METRIC } from './messages.ts'
import type { Outline, Part } from './outline.ts'
import type { Range } from './ranges.ts'
import { GROUP, type Message } from './schema.ts'
import type { Signal } from './signal.ts'

/** What is counted, stored or refused by itself: a span, a log record, a data point. */
export interface Item extends Range {
  /** Its field in what it stands in. */
  no: number
  message: Message
  within: Envelope
  /** Why it, or what it stands in, is none. */
  fault: string | undefined
}

/** A message that holds others in one of its fields; what its other fields say, it says of each of them. */
export interface Envelope extends Range {
  no: number
  /** The field of what it holds. */
  holds: number
  within?: Envelope
}

/** One after the other: there may be millions, and nobody needs them all at once. */
export function eachItem(signal: Signal, { body, groups }: Outline, take: (item: Item) => void): void {
  for (const group of groups) {
    const ofGroup: Envelope = { from: group.from, to: group.to, no: GROUP.groups, holds: GROUP.scopes }
    for (const scope of group.scopes) {
      const { from, to } = scope
      const ofScope: Envelope = { from, to, no: GROUP.scopes, holds: GROUP.items, within: ofGroup }
      for (const part of scope.items) {
        const fault = group.resource.fault ?? scope.scope.fault ?? part.fault
        if (signal === 'metrics' && fault === undefined) eachPoint(body, part, ofScope, take)
        else take(itemOf(part, GROUP.items, ITEM[signal].message, ofScope, fault))
      }
    }
  }
}

/** A metric holds one kind of data, which holds its points. */
function eachPoint(body: Uint8Array, { from, to }: Part, within: Envelope, take: (item: Item) => void): void {
  eachField(body, { from, to }, (no, at, end) => {
    const points = METRIC.fields[no]?.message.fields[POINTS]
    if (points?.name !== 'dataPoints') return
    const metric: Envelope = { from, to, no: GROUP.items, holds: no, within }
    const data: Envelope = { from: at, to: end, no, holds: POINTS, within: metric }
    eachField(body, data, (pointNo, pointAt, pointTo) => {
      if (pointNo === POINTS) take(itemOf({ from: pointAt, to: pointTo }, POINTS, points.message, data))
    })
  })
}

const itemOf = (
  { from, to }: Range,
  no: number,
  message: Message,
  within: Envelope,
  fault?: string,
): Item => ({ from, to, no, message, within, fault })

const POINTS = 1
