import {
  type Approver,
  type OutcomeEntry,
  principalId,
  type RequestedEntry,
  type SpentEntry,
} from '#contract'
import type { Claim } from './claims.ts'
import type { LedgerRequest } from './ledger-view.ts'

/** A span may name a million approvers; the first wrong ones are enough. */
const MAX_NAMED = 20

/** Everything on the span that the ledger says otherwise. Rule and version may honestly differ: the broker's count. */
export function findContradictions(
  claim: Claim,
  { requested, decided, spent, outcome }: LedgerRequest,
): string[] {
  const found: string[] = []
  const contradict = (what: string, claimed: string | undefined, recorded: readonly string[]) => {
    if (claimed === undefined || recorded.includes(claimed) || found.length >= MAX_NAMED) return
    found.push(`${what} ${quote(claimed)}, in the ledger ${recorded.map(quote).join(' or ') || 'none'}`)
  }
  const by: readonly Approver[] = decided?.by ?? []

  contradict('action digest', claim.digest, [requested.actionDigest])
  contradict('ruling', claim.ruling, [requested.ruling.effect])
  // A gate that stops waiting says cancelled, and may be overtaken by a decision; nothing ran on it.
  if (claim.ran || claim.decision === 'approved')
    contradict('decision', claim.decision, decided === undefined ? [] : [decided.decision])
  for (const id of claim.approverIds) contradict('approver', id, by.map(principalId))
  contradict('approver named', claim.approverName, namedApprovers(claim, by))
  contradict(
    'channel',
    claim.channel,
    by.map((person) => person.channel),
  )
  contradict(
    'assurance',
    claim.assurance,
    by.map((person) => person.assurance),
  )
  // What a resource did, it has said itself; the agent knows no more of it than what came back.
  if (isConsumer(claim, spent) && !isOfResource(requested))
    contradict('outcome', claim.outcome, reportedOutcome(outcome))
  return found
}

/** With an id beside it, a name must be that person's: two approvers' names must not be swapped. */
function namedApprovers(claim: Claim, by: readonly Approver[]): string[] {
  const known = by.filter((person) => claim.approverIds.includes(principalId(person)))
  return (known.length > 0 ? known : by).map((person) => person.name)
}

export function findDifferences(claim: Claim, { requested }: LedgerRequest): string[] {
  const found: string[] = []
  const compare = (what: string, claimed: string | undefined, recorded: string | undefined) => {
    if (claimed !== undefined && claimed !== recorded)
      found.push(`the approval is for ${what} ${quote(recorded ?? 'none')}, the span for ${quote(claimed)}`)
  }
  // Frameworks put their own name for the agent there; another agent's is neither.
  if (claim.agentId !== requested.agent.name) compare('agent', claim.agentId, requested.agent.sub)
  compare('enforcement point', claim.enforcement, requested.enforcement)
  compare('kind', claim.kind, requested.kind)
  compare('action', claim.name, requested.name)
  compare('target', claim.target, requested.target)
  return found
}

/** A resource spends the approval, in the name of the agent's span. */
export const isOfResource = ({ enforcement }: Pick<RequestedEntry, 'enforcement'>): boolean =>
  enforcement.startsWith('resource:')

/** This very span used the approval up. */
export const isConsumer = (claim: Claim, spent: SpentEntry | undefined): boolean =>
  spent?.spend === 'consumed' &&
  spent.trace?.traceId === claim.trace.traceId &&
  spent.trace.spanId === claim.trace.spanId

/** As spans say it; any will do where the ledger does not know. A gate in doubt reports a failure that never ran. */
export function reportedOutcome(entry: OutcomeEntry | undefined): readonly string[] {
  if (entry === undefined || entry.outcome === 'ambiguous') return ['executed', 'failed', 'not_run']
  return [entry.outcome === 'failed' && entry.errorType === 'not_run' ? 'not_run' : entry.outcome]
}

/** A refusal needs no request (policy denied it, or the broker was away); somebody's approval does. */
export function approvalClaims(claim: Claim): string[] {
  return [
    ...(claim.decision === 'approved' || (claim.ran && claim.decision !== undefined)
      ? [`decision ${quote(claim.decision)}`]
      : []),
    ...claim.approverIds.slice(0, MAX_NAMED).map((id) => `approver ${quote(id)}`),
    ...(claim.approverName === undefined ? [] : [`approver named ${quote(claim.approverName)}`]),
    ...(claim.channel === undefined ? [] : [`channel ${quote(claim.channel)}`]),
    ...(claim.assurance === undefined ? [] : [`assurance ${quote(claim.assurance)}`]),
  ]
}

export const quote = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 199)}…` : text)
