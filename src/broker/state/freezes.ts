import {
  decodeEntry,
  encodeEntry,
  type FreezeEntry,
  type Frozen,
  HoldpointError,
  type LedgerEntry,
  parse,
  text,
} from '#contract'
import type { Position } from '../history/commit.ts'
import type { Projection } from './projection.ts'

/** Who may do nothing: a projection of the ledger, in which every change of it follows the one before. */
export interface Freezes {
  /** Applies a committed entry. Applying it again, or an earlier one, changes nothing. */
  apply(entry: LedgerEntry, position: Position): void
  /** The newest change for one agent, or for all where `agentId` is absent. */
  newestOf(agentId: string | undefined): FreezeEntry | undefined
  /** Why this agent may do nothing: it is frozen, or all are. */
  of(agentId: string): FreezeEntry | undefined
  /** The newest change of each that was ever frozen. */
  newest(): FreezeEntry[]
  /** What is frozen now. */
  current(): FreezeEntry[]
  projection: Projection
}

export interface FreezesDeps {
  /** A change that was not known before; loading brings none. */
  onChange?(change: FreezeEntry): void
}

export function createFreezes({ onChange }: FreezesDeps = {}): Freezes {
  const newest = new Map<string | undefined, FreezeEntry>()
  const frozen = (target: string | undefined): FreezeEntry | undefined => {
    const change = newest.get(target)
    return change?.frozen ? change : undefined
  }

  function take(change: FreezeEntry): boolean {
    if (change.turn <= (newest.get(change.agent)?.turn ?? 0)) return false
    newest.set(change.agent, change)
    return true
  }

  function apply(entry: LedgerEntry): void {
    if (entry.type === 'freeze' && take(entry)) onChange?.(entry)
  }

  return {
    apply,
    newestOf: (agentId) => newest.get(agentId),
    of: (agentId) => frozen(undefined) ?? frozen(agentId),
    newest: () => [...newest.values()],
    current: () => [...newest.values()].filter((change) => change.frozen),
    projection: {
      apply: ({ entry }) => apply(entry),
      // As the ledger has them.
      save: () => [...newest.values()].map(encodeEntry),
      load(row) {
        const entry = decodeEntry(parse(text({ max: 10_000 }), row, 'freeze'))
        if (entry.type !== 'freeze')
          throw new HoldpointError('INVALID_INPUT', `freeze: found ${entry.type}, expected freeze`)
        take(entry)
      },
      clear: () => newest.clear(),
    },
  }
}

/** As gates and desks are told. */
export const frozenReply = (change: FreezeEntry | undefined): { frozen?: Frozen } =>
  change?.frozen ? { frozen: { sinceMs: change.at, by: change.by.name } } : {}

/** As models, people and logs are told. */
export const frozenReason = ({ agent, by }: FreezeEntry): string =>
  `${by.name} has frozen ${agent === undefined ? 'all agents' : 'this agent'}: nothing that is attempted runs until another person ends that.`
