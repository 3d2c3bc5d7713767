import { alarmShape, HoldpointError, parse, type WebhookEvent } from '#contract'
import type { DeadLetter } from '../dead-letters.ts'
import type { ChannelEvent } from '../events.ts'
import type { Occurrence } from './message.ts'

/** Out of the stream. Throws INVALID_INPUT for an alarm that is none. */
export function occurrenceOf({ event, about, data }: ChannelEvent<WebhookEvent>): Occurrence {
  if (event === 'alarm') return { event, name: about, alarm: parse(alarmShape, data(), `alarm ${about}`) }
  const [requestId = '', nth] = about.split('.')
  return { event, requestId, ...(nth === undefined ? {} : { nth: Number(nth) }) }
}

type Named = Pick<DeadLetter, 'event' | 'requestId' | 'nth' | 'alarm'>

/** What a dead letter remembers of it. */
export const letterOf = (occurrence: Occurrence): Named =>
  occurrence.event === 'alarm'
    ? { event: 'alarm', requestId: occurrence.name, alarm: occurrence.alarm }
    : occurrence

/** Back from a dead letter. Throws INVALID_INPUT for one of an event that no endpoint is told of. */
export function occurrenceIn({ event, requestId, nth, alarm }: Named): Occurrence {
  if (event === 'alarm' && alarm) return { event, name: requestId, alarm }
  if (event === 'alarm' || event === 'reviewed')
    throw new HoldpointError('INVALID_INPUT', `no endpoint is told of ${event} ${requestId}`)
  return { event, requestId, ...(nth === undefined ? {} : { nth }) }
}
