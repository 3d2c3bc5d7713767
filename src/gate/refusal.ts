import { ERROR_CODES, ERROR_TYPE, type ErrorCode, HoldpointError } from '#contract'
import type { Refusal } from './types.ts'

interface Grounds {
  code: ErrorCode
  /** The name of the action, for the message. */
  name: string
  /** In the policy's, the reviewer's or the error's own words. */
  reason?: string | undefined
  rule?: string | undefined
  requestId?: string | undefined
}

/** Denial teaches: the message tells a model what it may do now, so that it does not try its way around. */
export function refuse({ code, name, reason, rule, requestId }: Grounds): Refusal {
  const why = reason === undefined || reason === '' ? ERROR_CODES[code] : reason
  return {
    code,
    reason: why,
    ...(rule === undefined ? {} : { rule }),
    ...(requestId === undefined ? {} : { requestId }),
    message: `${name} was not run (${code}). ${sentence(why)} ${ADVICE[code] ?? NOT_VERIFIED}`,
  }
}

/** A refusal out of whatever was thrown on the way: an unforeseen fault holds as well. */
export function refuseFor(error: unknown, name: string, requestId?: string): Refusal {
  const code = error instanceof HoldpointError ? error.code : 'INTERNAL'
  const reason = error instanceof HoldpointError ? error.message : undefined
  return refuse({ code, name, reason, requestId })
}

/** The caller went away; there may be nobody left to read this. */
export const cancelled = ({ name }: { name: string }, requestId?: string): Refusal =>
  refuse({ code: 'APPROVAL_CANCELLED', name, reason: 'The caller cancelled it.', requestId })

const FINAL =
  'Do not send it again, rephrased or split up: choose a way that this reason allows, or tell the user that you were refused and stop.'
const NOT_NOW =
  'Nobody has judged the action. Do not look for a way around it: go on with what does not need it, or tell the user; it may be tried once more later.'
const AS_IT_IS =
  'It will be refused again as it is. Send plain JSON arguments that are smaller and unambiguous, or tell the user.'
const NOT_VERIFIED =
  'Nothing can release it now. Do not retry it and do not look for a way around it: tell the user that the approval could not be verified.'

const NO_WAY_TO_WAIT = 'It will be refused again in this form: use one that can wait, or tell the user.'
const TOO_MUCH =
  'You have asked for more than people can judge. Stop: do not retry this and do not ask for anything else that needs an approval; tell the user, and wait for what is already being judged.'
const FROZEN =
  'People have stopped this agent. Stop at once: nothing that you attempt will run, in whatever way you try; tell the user.'

const ADVICE: Partial<Record<ErrorCode, string>> = {
  POLICY_DENIED: FINAL,
  APPROVAL_DENIED: FINAL,
  APPROVAL_REVOKED: FINAL,
  APPROVAL_IMPOSSIBLE: NO_WAY_TO_WAIT,
  AGENT_FROZEN: FROZEN,
  TOO_MANY: TOO_MUCH,
  APPROVAL_EXPIRED: NOT_NOW,
  APPROVAL_CANCELLED: NOT_NOW,
  APPROVAL_LAPSED: NOT_NOW,
  BROKER_UNAVAILABLE: NOT_NOW,
  POLICY_UNAVAILABLE: NOT_NOW,
  LEDGER_UNAVAILABLE: NOT_NOW,
  UNAVAILABLE: NOT_NOW,
  INVALID_INPUT: AS_IT_IS,
  PAYLOAD_TOO_LARGE: AS_IT_IS,
  ALREADY_SPENT:
    'One approval is good for one execution, and this one has been used. Do not repeat the call unless the user asks for it again.',
}

/** `error.type` on the span. Expired is not denied, here as everywhere. */
export function errorTypeOf(code: ErrorCode): string {
  switch (code) {
    case 'POLICY_DENIED':
    case 'APPROVAL_DENIED':
    case 'AGENT_FROZEN':
      return ERROR_TYPE.denied
    case 'APPROVAL_EXPIRED':
    case 'APPROVAL_LAPSED':
      return ERROR_TYPE.expired
    case 'APPROVAL_CANCELLED':
    case 'APPROVAL_REVOKED':
      return ERROR_TYPE.cancelled
    default:
      return ERROR_TYPE.unavailable
  }
}

const sentence = (words: string): string => (/[.!?]$/.test(words.trimEnd()) ? words.trimEnd() : `${words}.`)
