/**
 * Every code that Holdpoint answers with, and what it says to the person or program that reads it.
 * Codes are stable: programs branch on them. Texts are for people and may improve.
 */
export const ERROR_CODES = {
  // what was sent
  INVALID_INPUT: 'The message does not have the expected shape.',
  PAYLOAD_TOO_LARGE: 'The action is larger than the configured bound.',
  UNKNOWN_AGENT: 'No registration that can be verified exists for this agent.',
  UNKNOWN_REQUEST: 'No such request, or it belongs to somebody else.',
  // what became of an action
  POLICY_DENIED: 'Policy denies this action.',
  APPROVAL_DENIED: 'A reviewer denied this action.',
  AGENT_FROZEN: 'The agent is frozen: whatever it attempts is refused until a second person ends that.',
  APPROVAL_EXPIRED: 'Nobody decided in time; this is not a denial.',
  APPROVAL_CANCELLED: 'The request was cancelled before it was decided.',
  APPROVAL_LAPSED: 'The approval was not used in time.',
  APPROVAL_REVOKED: 'The approval was taken back before it was used.',
  APPROVAL_IMPOSSIBLE: 'Policy asks people first, and this call cannot wait for them.',
  ALREADY_SPENT: 'The approval has been used; it is good for one execution.',
  // why nothing can be decided now
  BROKER_UNAVAILABLE: 'The approval broker cannot be reached; the action was not run.',
  POLICY_UNAVAILABLE: 'There is no current policy that can be verified; everything is held.',
  LEDGER_UNAVAILABLE: 'The ledger cannot be written or read back; nothing was decided.',
  // reviewing
  UNAUTHENTICATED: 'The reviewer is not signed in, or the token cannot be verified.',
  NOT_A_REVIEWER: 'The reviewer is in none of the groups that may decide this request.',
  SELF_APPROVAL: 'Nobody releases their own work.',
  ASSURANCE_TOO_LOW: 'The rule asks for a stronger sign-in.',
  OPEN_FULL_PAGE:
    'This card keeps something back that policy did not: open the full page to approve it. Denying needs no page.',
  CARD_MISMATCH: 'The review quotes another card than the one that was frozen for this request.',
  ALREADY_DECIDED: 'The request has been decided.',
  ALREADY_REVIEWED: 'This person has already reviewed this request.',
  NOT_PERMITTED: 'Policy gives this duty to others.',
  TOO_EARLY: 'The request has not come that far yet.',
  ERASED: 'What the request was about has been erased; the ledger still proves what became of it.',
  NOT_THE_REQUESTER: 'Only the people whose work it is may cancel a request.',
  CROSS_SITE: 'The form was not sent from a page of this console.',
  // channels
  BAD_SIGNATURE: 'The message is not signed by whom it claims to come from, or not now.',
  ADDRESS_REFUSED: 'The address is none that Holdpoint may send to.',
  // trust
  UNTRUSTED: 'A signed document does not lead back to the pinned organisation key.',
  STALE: 'A signed document is older than one already seen, or has expired.',
  WARRANT_REQUIRED:
    'Whoever runs this wants to see a warrant for it: ask for an approval at this resource first.',
  WARRANT_MISMATCH: 'The warrant does not cover exactly this action, at this place, now.',
  LEDGER_CORRUPT: 'The ledger contradicts itself or its checkpoint.',
  // running it
  INVALID_CONFIG: 'The configuration cannot be used.',
  INVALID_POLICY: 'The policy cannot be used.',
  UNAVAILABLE: 'Something that is needed cannot be reached.',
  NOT_FOUND: 'There is nothing by that name.',
  METHOD_NOT_ALLOWED: 'This cannot be done at this address.',
  TOO_MANY: 'Too many at once; try again later.',
  INTERNAL: 'A fault of Holdpoint itself.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** The one error that Holdpoint throws. `retryable` says whether the same call may succeed later. */
export class HoldpointError extends Error {
  override readonly name = 'HoldpointError'
  readonly code: ErrorCode
  readonly retryable: boolean

  constructor(code: ErrorCode, message?: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message ?? ERROR_CODES[code], 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERROR_CODES, value)
