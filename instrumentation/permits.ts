import type { Permit } from '#gate'

/** Permits on their way from the guardrail that asked to the tool call that uses them. */
export interface Permits {
  has(context: object, callId: string): boolean
  put(context: object, callId: string, permit: Permit): void
  take(context: object, callId: string | undefined): Permit | undefined
}

/** A run that fails in between never comes for its permit; then it is given up, and the ledger told. */
const UNUSED_AFTER_MS = 60_000

export function createPermits(): Permits {
  const byRun = new WeakMap<object, Map<string, { permit: Permit; timer: NodeJS.Timeout }>>()
  return {
    has: (context, callId) => byRun.get(context)?.has(callId) ?? false,
    put(context, callId, permit) {
      const permits = byRun.get(context) ?? new Map()
      byRun.set(context, permits)
      const timer = setTimeout(() => {
        permits.delete(callId)
        permit.abandon()
      }, UNUSED_AFTER_MS)
      permits.set(callId, { permit, timer: timer.unref() })
    },
    take(context, callId) {
      const permits = byRun.get(context)
      const found = callId === undefined ? undefined : permits?.get(callId)
      if (permits === undefined || callId === undefined || found === undefined) return undefined
      clearTimeout(found.timer)
      permits.delete(callId)
      return found.permit
    },
  }
}
