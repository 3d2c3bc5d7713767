import {
  HoldpointError,
  type JsonValue,
  type Principal,
  type TraceRef,
  type WarrantApproval,
} from '#contract'
import type { Report } from './release.ts'
import { errorName } from './span.ts'

/**
 * One spent approval: the right to run one action, once, and who answers for it. It must be run, or its outcome be
 * said; an approval of which nothing is said becomes `ambiguous` when this process ends.
 */
export interface Release extends Released {
  /** Calls `execute` with the approved arguments and tells the ledger what became of it. Throws what it throws. */
  run<T>(execute: (approved: JsonValue) => T | Promise<T>): Promise<T>
  /** For what runs elsewhere: tells the ledger what became of it. The first word stands. */
  done(outcome: 'executed' | 'failed', errorType?: string): void
}

export interface Released {
  requestId: string
  /** What was approved and received: a frozen copy, and the only one to execute. */
  action: { kind: string; name: string; target?: string; arguments: JsonValue }
  /** Who acts. */
  agent: Principal
  /** For whom, outermost first; each of them verified by the broker. */
  onBehalfOf: Principal[]
  /** Who authorized it. */
  approvals: WarrantApproval[]
  rule: string
  policyVersion: number
  /** The agent's span that acts. */
  trace: TraceRef
  /** What the approval relies on, such as an etag: whether it still holds, only the resource can see. */
  precondition?: string
}

/** `execute` or an outcome, whichever comes first, and neither twice. */
export function createRelease(released: Released, report: Report): Release {
  let isBegun = false
  const begin = () => {
    if (isBegun) return false
    isBegun = true
    return true
  }
  return {
    ...released,
    async run(execute) {
      if (!begin()) throw new HoldpointError('ALREADY_SPENT')
      try {
        const value = await execute(released.action.arguments)
        report('executed')
        return value
      } catch (error) {
        report('failed', errorName(error))
        throw error
      }
    },
    done(outcome, errorType) {
      if (begin()) report(outcome, errorType)
    },
  }
}
