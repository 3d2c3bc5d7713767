import { type ClaimCall, type ClaimReply, HoldpointError } from '#contract'
import type { Connection } from './connection.ts'
import type { Freeze } from './freeze.ts'
import { pause } from './pause.ts'
import { claimReplyShape, readReply } from './replies.ts'

/** The requests that this process waits for, and who is woken when one may have been decided. */
export interface Waiting {
  add(requestId: string, wake: () => void): () => void
  /**
   * One more who wants this request. What it returns is called when they do not want it any more, and says, once,
   * whether nobody else does: only then may it be cancelled.
   */
  join(requestId: string): () => boolean
  isJoined(requestId: string): boolean
  wake(requestId: string): void
  wakeAll(): void
  requestIds(): string[]
}

export function createWaiting(): Waiting {
  const wakers = new Map<string, Set<() => void>>()
  const joined = new Map<string, number>()
  return {
    add(requestId, wake) {
      const set = wakers.get(requestId) ?? new Set()
      wakers.set(requestId, set.add(wake))
      return () => {
        set.delete(wake)
        if (set.size === 0 && wakers.get(requestId) === set) wakers.delete(requestId)
      }
    },
    join(requestId) {
      joined.set(requestId, (joined.get(requestId) ?? 0) + 1)
      let hasLeft = false
      return () => {
        if (hasLeft) return false
        hasLeft = true
        const left = (joined.get(requestId) ?? 1) - 1
        if (left > 0) joined.set(requestId, left)
        else joined.delete(requestId)
        return left === 0
      }
    },
    isJoined: (requestId) => joined.has(requestId),
    wake(requestId) {
      for (const wake of [...(wakers.get(requestId) ?? [])]) wake()
    },
    wakeAll() {
      for (const set of [...wakers.values()]) for (const wake of [...set]) wake()
    },
    requestIds: () => [...wakers.keys()],
  }
}

/** What a wait ends with: the broker's answer, or our own. */
export type Settled =
  | Exclude<ClaimReply, { status: 'pending' }>
  | { status: 'aborted' }
  | { status: 'unheard' }

interface WaitDeps {
  now: () => number
  connection: Connection
  waiting: Waiting
  freeze: Freeze
}

interface Wait {
  requestId: string
  /** By our own clock. */
  expiresAtMs: number
  pollMs: number
  signal: AbortSignal
}

const CLAIM_TIMEOUT_MS = 5_000
/** A broker that still says `pending` so long after the expiry will not be asked again. */
const GRACE_MS = 5_000
const LATE_POLL_MS = 250

/**
 * Waits for the decision. Hints and heartbeats only say that it is worth asking; a slow poll stands behind both.
 * A broker that cannot be reached is waited for until the request expires. Throws AGENT_FROZEN as soon as it is.
 */
export async function waitForDecision(wait: Wait, deps: WaitDeps): Promise<Settled> {
  const { requestId, expiresAtMs, signal } = wait
  const leftMs = () => expiresAtMs - deps.now()
  let woken = new AbortController()
  const wake = () => woken.abort()
  const forget = deps.waiting.add(requestId, wake)
  signal.addEventListener('abort', wake, { once: true })
  try {
    while (!signal.aborted) {
      deps.freeze.check()
      // Before asking: a hint that comes while the answer is under way must not be lost.
      woken = new AbortController()
      const answer = await claim({ requestId }, deps.connection, Math.max(leftMs(), 1), signal)
      if (signal.aborted) break
      if (answer !== undefined && answer.status !== 'pending') return answer
      if (answer === undefined && leftMs() <= 0) return { status: 'unheard' }
      if (leftMs() <= -GRACE_MS) return { status: 'unheard' }
      // This timer also keeps the process alive: somebody waits for an answer.
      const pollMs = leftMs() > 0 ? Math.min(wait.pollMs, leftMs()) : LATE_POLL_MS
      await pause(pollMs, { signal: woken.signal, keepAlive: true })
    }
    return { status: 'aborted' }
  } finally {
    forget()
    signal.removeEventListener('abort', wake)
  }
}

/** Undefined where there was no answer that could be used. Throws what only this request can be refused for. */
export async function claim(
  call: ClaimCall,
  connection: Connection,
  withinMs: number,
  signal: AbortSignal,
): Promise<ClaimReply | undefined> {
  try {
    const asked = connection.call('claim', call, Math.min(withinMs, CLAIM_TIMEOUT_MS))
    const answer = await unlessAborted(asked, signal)
    return answer === undefined ? undefined : readReply(claimReplyShape, answer, 'claim')
  } catch (error) {
    if (error instanceof HoldpointError && LASTING.has(error.code)) throw error
    return undefined
  }
}

/** Answers that another try will not change. */
const LASTING: ReadonlySet<string> = new Set([
  'UNKNOWN_REQUEST',
  'UNKNOWN_AGENT',
  'INVALID_INPUT',
  'AGENT_FROZEN',
])

/** Undefined as soon as the signal fires; what was asked goes on by itself. */
export async function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  asked.catch(() => {})
  if (signal.aborted) return undefined
  let stop = () => {}
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([asked, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
