import { inspect } from './inspect.ts'
import { eachItem, type Item } from './items.ts'
import { type Outline, readOutline } from './outline.ts'
import { createCutter, createHeads } from './pieces.ts'
import { createRefusals } from './refusals.ts'
import { repairTexts } from './repair.ts'
import type { ExportRequest, Signal } from './signal.ts'

export interface Admitted {
  /** Requests of the same signal, each at most `maxPieceBytes` long; the request itself where it is one piece. */
  pieces: Uint8Array[]
  /** Spans, log records or data points in them. */
  items: number
  /** Those that can never be stored, and are not to be sent again. */
  rejected: number
  /** Why, where there are any. */
  errorMessage?: string
}

/** The tables have a partition for each day; ClickHouse refuses a block of more than 100, and each costs files. */
const MAX_DAYS = 32
/** Of what the items of a request repeat of their resources, scopes and metrics when they are stored. */
const MAX_REPEATED_BYTES = 256 * 1024 * 1024

/**
 * Parts what can be stored from what never can be, and cuts it into pieces. The same request has the same pieces.
 * Throws INVALID_INPUT where the request is malformed, PAYLOAD_TOO_LARGE where it is made of hollow parts.
 */
export function admit(request: ExportRequest, { maxPieceBytes }: { maxPieceBytes: number }): Admitted {
  const { signal } = request
  const outline = readRepaired(request)
  const { body } = outline
  const whole = sift(signal, outline, () => undefined)
  if (whole.items === 0) return { pieces: [], ...whole }
  if (whole.rejected === 0 && body.length <= maxPieceBytes && !hasFaults(outline))
    return { pieces: [body], ...whole }

  const cutter = createCutter(body, createHeads(body), maxPieceBytes)
  const cut = sift(signal, outline, cutter.add)
  return { pieces: cutter.finish(), ...cut }
}

/** Hands on what can be stored, and counts it, and what is refused. */
function sift(
  signal: Signal,
  outline: Outline,
  take: (item: Item) => string | undefined,
): Omit<Admitted, 'pieces'> {
  const findReason = createTest(outline.body)
  const refusals = createRefusals()
  let items = 0
  eachItem(signal, outline, (item) => {
    const reason = findReason(item) ?? take(item)
    if (reason === undefined) items++
    else refusals.add(reason)
  })
  return { items, ...refusals.summary() }
}

/** Of a resource or a scope: whoever reads the piece would refuse it, even where it holds no item. */
const hasFaults = ({ groups }: Outline): boolean =>
  groups.some(
    ({ resource, scopes }) =>
      resource.fault !== undefined || scopes.some(({ scope }) => scope.fault !== undefined),
  )

function readRepaired({ signal, body }: ExportRequest): Outline {
  const outline = readOutline(signal, body, [])
  return outline.badTextAt === -1 ? outline : readOutline(signal, repairTexts(signal, body), [])
}

/** Says of one item after the other why it cannot be stored, together with those before it. */
function createTest(body: Uint8Array) {
  const heads = createHeads(body)
  const days = new Set<number>()
  let repeated = 0
  return (item: Item): string | undefined => {
    if (item.fault !== undefined) return item.fault
    const { fault, day } = inspect(body, item)
    if (fault !== undefined) return fault
    const repeats = heads.around(item)
    if (repeated + repeats > MAX_REPEATED_BYTES)
      return 'what its resource and scope say, repeated for each item, takes more than 256 MiB'
    if (!days.has(day) && days.size === MAX_DAYS) return `one request may span ${MAX_DAYS} different days`
    days.add(day)
    repeated += repeats
    return undefined
  }
}
