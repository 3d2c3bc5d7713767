import {
  type DeskEventName,
  type ErrorCode,
  HoldpointError,
  type RequestFilter,
  type RequestSummary,
} from '#contract'
import type { SignedInDesk } from '../access.ts'
import { everyRequest } from '../find.ts'

export interface Followed {
  /** `waiting` is what was there at the beginning. */
  changed(event: DeskEventName | 'waiting', request: RequestSummary): void
  /** All that wait and match, oldest first, whenever they were looked at. */
  listed?(requests: RequestSummary[]): void
  /** Something is down; it is tried again. */
  problem(error: HoldpointError): void
}

/**
 * What waits for a decision and matches, until `signal` aborts. Events are hints to look again at once, and the list
 * is the truth: events can be lost, and only the broker knows who may answer what.
 */
export async function follow(
  { desk, token }: SignedInDesk,
  filter: RequestFilter,
  { signal, relistMs }: { signal: AbortSignal; relistMs: number },
  { changed, listed, problem }: Followed,
): Promise<void> {
  let known: Map<string, RequestSummary> | undefined
  const decided = new Set<string>()
  let endings: RequestSummary[] = []
  const escalated = new Set<string>()
  let hurry = Promise.withResolvers<void>()
  const unwatch = desk.watch((event, request) => {
    const { requestId } = request
    if (event === 'ended' && (known?.has(requestId) || decided.has(requestId))) endings.push(request)
    if (event === 'escalated') escalated.add(requestId)
    hurry.resolve()
  })
  try {
    while (!signal.aborted) {
      // Before it looks: what happens meanwhile is looked at again.
      hurry = Promise.withResolvers()
      const isFine = await look().then(() => true, report)
      await pause(relistMs, isFine ? hurry.promise : undefined, signal)
    }
  } finally {
    unwatch()
  }

  async function look(): Promise<void> {
    const now = new Map<string, RequestSummary>()
    const valid = await token()
    for await (const request of everyRequest(desk, valid, { ...filter, state: 'pending' }))
      now.set(request.requestId, request)
    for (const [requestId, request] of now) {
      const before = known?.get(requestId)
      const isEscalated = escalated.delete(requestId)
      if (!before) changed(known ? 'opened' : 'waiting', request)
      else if (before.reviews.length !== request.reviews.length) changed('reviewed', request)
      else if (isEscalated) changed('escalated', request)
    }
    for (const requestId of known?.keys() ?? []) {
      if (now.has(requestId)) continue
      const summary = await summaryOf(valid, requestId)
      if (!summary) continue
      // Answered by whoever watches for what they can answer: it goes on waiting for others.
      if (summary.state !== 'pending') decided.add(requestId)
      changed(summary.state === 'pending' ? 'reviewed' : 'decided', summary)
    }
    known = now
    for (const request of endings) if (decided.delete(request.requestId)) changed('ended', request)
    endings = endings.filter(({ requestId }) => now.has(requestId))
    for (const requestId of escalated) if (!now.has(requestId)) escalated.delete(requestId)
    listed?.([...now.values()])
  }

  /** Undefined where it cannot be shown, its payload erased perhaps: that must not end the watch over all others. */
  async function summaryOf(valid: string, requestId: string): Promise<RequestSummary | undefined> {
    try {
      return (await desk.show(valid, requestId)).summary
    } catch (error) {
      if (error instanceof HoldpointError && UNSHOWN.includes(error.code)) return undefined
      throw error
    }
  }

  function report(error: unknown): false {
    if (!(error instanceof HoldpointError && error.retryable)) throw error
    problem(error)
    return false
  }
}

const UNSHOWN: readonly ErrorCode[] = [
  'NOT_FOUND',
  'ERASED',
  'UNKNOWN_REQUEST',
  'PAYLOAD_TOO_LARGE',
  'CARD_MISMATCH',
]

/** Returns after so long, at a hint, or when nobody wants to know any more. */
function pause(ms: number, hint: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    hint?.then(end)
  })
}
