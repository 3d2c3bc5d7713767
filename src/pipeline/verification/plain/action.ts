/** What a span of an instrumentation that knows nothing of approvals says was done. */
export interface PlainAction {
  kind: PlainKind
  /** Names that it goes by, the best known first: a rule for one of them is a rule for it. */
  names: readonly [string, ...string[]]
  /** Absent where the span does not tell: then it may have been any. */
  target?: string
  /**
   * Not everything could be read, or the reading depends on who reads: something else may have been done, too, of
   * the same kind. Never silently nothing.
   */
  unsure?: true
}

export const PLAIN_KINDS = ['aws', 'db', 'k8s', 'http', 'mcp'] as const
export type PlainKind = (typeof PLAIN_KINDS)[number]
