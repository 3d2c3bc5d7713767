import { HoldpointError, type ListCall, type ListReply, listCallShape, type RequestSummary } from '#contract'
import type { Person } from '#identity'
import { mayAnswer } from '../arrows/may-answer.ts'
import type { Context } from '../context.ts'
import { placeAfter } from '../state/ordered.ts'
import { matcherOf } from '../state/request-filter.ts'
import { indexOf, type Request, summarise } from '../state/requests.ts'
import type { DeskHandler } from './handler.ts'

const USUAL = 50

/** One page of the requests that match, for whoever is signed in. A cursor is a place in the ledger, so it stays. */
export const list: DeskHandler<ListCall, ListReply> = {
  shape: listCallShape,
  async handle(call, context) {
    const { token, state = 'pending', reviewable = false, limit = USUAL, cursor } = call
    const person = await context.identity.verifyToken(token)
    const order = state === 'pending' ? OLDEST_FIRST : NEWEST_FIRST
    const from = placeOf(cursor, order)
    // Only what waits can be answered, and that is always the shorter list.
    const isShort = state === 'pending' || reviewable
    const source = isShort ? context.requests.pending() : context.requests.all()
    if (state === 'decided' && reviewable) return { requests: [], total: 0 }

    const matches = matchesOf(call, person, context)
    const page = pageOf(source, order, from, limit, matches)
    // Counted without a look at each, where nothing is asked of them.
    const total = matches ? page.total : source.length
    const requests = fitting(page.requests.map(summarise), context.maxReplyBytes())
    const isLast = page.isLast && requests.length === page.requests.length
    const last = page.requests[requests.length - 1]
    return { requests, total, ...(isLast || !last ? {} : { next: `${order.name}-${indexOf(last)}` }) }
  },
}

/** Room for what stands around the page. */
const AROUND_BYTES = 1_000

/** An agent that gives many actions long names must not make a page that nobody can be sent: a shorter one goes on. */
function fitting(page: RequestSummary[], mostBytes: number): RequestSummary[] {
  let left = mostBytes - AROUND_BYTES
  const end = page.findIndex((summary) => {
    left -= Buffer.byteLength(JSON.stringify(summary)) + 1
    return left < 0
  })
  return end < 0 ? page : page.slice(0, Math.max(1, end))
}

type Match = (request: Request) => boolean

/** Undefined where every request of the list matches. */
function matchesOf(call: ListCall, person: Person, context: Context): Match | undefined {
  const wanted = matcherOf(call)
  const isDecided: Match | undefined =
    call.state === 'decided' ? ({ decided }) => decided !== undefined : undefined
  const conditions = [isDecided, wanted].filter((one) => one !== undefined)
  if (call.reviewable) {
    // Nothing to answer and no way to tell are not the same: without a policy in force this throws.
    context.documents.policy()
    conditions.push((request) => mayAnswer(context, person, request).ok)
  }
  if (conditions.length === 0) return undefined
  return (request) => conditions.every((holds) => holds(request))
}

interface Page {
  requests: Request[]
  total: number
  isLast: boolean
}

/** Without a condition only the page itself is looked at. */
function pageOf(
  source: readonly Request[],
  order: Order,
  from: number | undefined,
  limit: number,
  matches: Match | undefined,
): Page {
  const requests: Request[] = []
  let total = 0
  let isLast = true
  const begin = matches || from === undefined ? order.first(source) : order.after(source, from)
  for (let at = begin; at >= 0 && at < source.length; at += order.step) {
    const request = source[at] as Request
    if (matches && !matches(request)) continue
    total++
    if (from !== undefined && !order.isAfter(indexOf(request), from)) continue
    if (requests.length < limit) requests.push(request)
    else {
      isLast = false
      if (!matches) break
    }
  }
  return { requests, total, isLast }
}

interface Order {
  name: 'after' | 'before'
  step: 1 | -1
  first(source: readonly Request[]): number
  /** Where the first one stands that comes after the one with this index. */
  after(source: readonly Request[], index: number): number
  isAfter(index: number, other: number): boolean
}
const OLDEST_FIRST: Order = {
  name: 'after',
  step: 1,
  first: () => 0,
  after: (source, index) => placeAfter(source, indexOf, index),
  isAfter: (index, other) => index > other,
}
const NEWEST_FIRST: Order = {
  name: 'before',
  step: -1,
  first: (source) => source.length - 1,
  after: (source, index) => placeAfter(source, indexOf, index - 1) - 1,
  isAfter: (index, other) => index < other,
}

function placeOf(cursor: string | undefined, { name }: Order): number | undefined {
  if (cursor === undefined) return undefined
  const [, order, index] = /^(after|before)-(\d{1,15})$/.exec(cursor) ?? []
  if (order === name) return Number(index)
  throw new HoldpointError(
    'INVALID_INPUT',
    `list: cursor is ${JSON.stringify(cursor)}, expected the \`next\` of a page of the same list`,
  )
}
