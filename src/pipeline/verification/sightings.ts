import type { TraceRef } from '#contract'
import type { Store } from '#store'
import type { Claim } from './claims.ts'
import type { JudgedSpan } from './judged.ts'
import { sightingOf, type Verdict } from './verify.ts'

const CONFLICT = 'conflict'

export interface Sightings {
  of(requestId: string, effectOf?: string): string | undefined
  note(verdict: Verdict, claim: Claim): void
}

/**
 * The span that was first seen with each consumption, and the one that was its effect. An exporter that got no answer
 * sends the same span again, with the same content, and that is one span. Once another has come, none of them is
 * verified again: otherwise sending the first once more would cover up the second.
 *
 * This is one process's own memory, for an alarm at once. What stands in `holdpoint_actions` follows from all that
 * was stored, whoever judged it and in whatever order.
 */
export function createSightings(): Sightings {
  const first = new Map<string, string>()
  const keyOf = (requestId: string, effectOf = ''): string => `${requestId} ${effectOf}`
  return {
    of: (requestId, effectOf) => first.get(keyOf(requestId, effectOf)),
    note({ verification, request, effectOf }, claim) {
      if (request === undefined) return
      const key = keyOf(request.requested.requestId, effectOf)
      if (verification === 'verified') first.set(key, sightingOf(claim))
      if (verification !== 'replayed') return
      const trace = request.spent?.trace
      const isOwner = trace?.traceId === claim.trace.traceId && trace.spanId === claim.trace.spanId
      if (isOwner || effectOf !== undefined) first.set(key, CONFLICT)
    },
  }
}

export type Verified = Pick<JudgedSpan, 'claim' | 'verdict'>

/** By place: which other spans stand there already. */
export type Standing = (place: string) => ReadonlySet<string> | undefined

/**
 * A second span with the ids of one that was judged before has used its approval, even where this process has never
 * seen the first: it was restarted, or another one has judged that. The same goes for a second effect.
 */
export async function markReplays<One extends Verified>(
  judged: Map<unknown, One>,
  readStanding: (judged: readonly Verified[]) => Promise<Standing>,
): Promise<void> {
  const verified = [...judged].filter(([, { verdict }]) => verdict.verification === 'verified')
  if (verified.length === 0) return
  const standing = await readStanding(verified.map(([, one]) => one))
  for (const [key, one] of verified) {
    const { claim, verdict } = one
    const others = standing(placeOf(one))
    if (others === undefined || (others.size === 1 && others.has(sightingOf(claim)))) continue
    const detail =
      verdict.effectOf === undefined
        ? 'another span with these ids was judged before'
        : `another span was the effect of span ${verdict.effectOf} before`
    judged.set(key, { ...one, verdict: { ...verdict, verification: 'replayed', detail } })
  }
}

const KEYS_AT_ONCE = 2_000

/**
 * What has been found before where these spans stand: under their ids, or below the span whose effect they are. Two
 * say as much as a million, which is what a sender may put into one trace.
 */
export async function readStanding(
  judged: readonly Verified[],
  store: Pick<Store, 'query'>,
): Promise<Standing> {
  const standing = new Map<string, Set<string>>()
  const keys = [...new Map(judged.map((one) => [placeOf(one), sqlPlace(one)])).values()]
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
    const rows = await store.query<{ traceId: string; spanId: string; effectOf: string; content: string }>(
      `SELECT DISTINCT trace_id AS traceId, span_id AS spanId, effect_of AS effectOf, content_digest AS content
       FROM holdpoint_findings
       WHERE (trace_id, if(effect_of = '', span_id, ''), effect_of) IN (${keys.slice(from, from + KEYS_AT_ONCE).join(', ')})
       -- Findings from before there was such a column have none.
       AND content_digest != ''
       -- What is allowed uses no approval.
       AND verification != 'not_required'
       LIMIT 2 BY trace_id, if(effect_of = '', span_id, ''), effect_of`,
    )
    for (const { traceId, spanId, effectOf, content } of rows) {
      const place = placeText({ traceId, spanId }, effectOf)
      const there = standing.get(place) ?? new Set()
      standing.set(place, there.add(`${spanId} ${content}`))
    }
  }
  return (place) => standing.get(place)
}

const placeOf = ({ claim, verdict }: Verified): string => placeText(claim.trace, verdict.effectOf ?? '')
const placeText = ({ traceId, spanId }: TraceRef, effectOf: string): string =>
  effectOf === '' ? `${traceId} ${spanId}` : `${traceId} below ${effectOf}`

function sqlPlace({ claim, verdict }: Verified): string {
  const { traceId, spanId } = claim.trace
  const { effectOf } = verdict
  const below = effectOf === undefined ? [sqlText(spanId, 16), "''"] : ["''", sqlText(effectOf, 16)]
  return `(${[sqlText(traceId, 32), ...below].join(', ')})`
}

/** Ids that were admitted are hex digits; as parameters, so many would not fit into a URL. */
function sqlText(id: string, digits: number): string {
  if (id.length !== digits || !/^[0-9a-f]+$/.test(id)) throw new Error('an id that is none')
  return `'${id}'`
}
