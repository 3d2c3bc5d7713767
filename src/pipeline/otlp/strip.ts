import { ATTR } from '#contract'
import { ANY_VALUE, KEY_VALUE, REQUEST } from './messages.ts'
import { readSound } from './outline.ts'
import { decodeKey } from './protobuf.ts'
import { type Edit, rebuild } from './rebuild.ts'
import type { Signal } from './signal.ts'

const OURS = [ATTR.verification, 'holdpoint.approval.'] as const

/** Attributes that only the pipeline may write, or that nobody would judge where they stand. */
export const isOurs = (key: string): boolean =>
  key.startsWith('holdpoint.approval.') || key === ATTR.verification || key.startsWith(BELOW_VERIFICATION)

const BELOW_VERIFICATION = `${ATTR.verification}.`

/**
 * Takes them out of logs and metrics, wherever attributes stand. The same bytes come back where there are none.
 * Throws as scanTraces does.
 */
export function stripOurs(signal: Exclude<Signal, 'traces'>, body: Uint8Array): Uint8Array {
  const { groups } = readSound(signal, body, OURS)
  const isTelling = groups.some(
    ({ resource, scopes }) =>
      resource.telling ||
      scopes.some(({ scope, items }) => scope.telling || items.some(({ telling }) => telling)),
  )
  return isTelling ? rebuild(body, REQUEST[signal], omitOurs(body)) : body
}

/** A key within a value is part of the value, and no attribute. */
export const omitOurs =
  (body: Uint8Array): Edit =>
  (_writer, _message, field, value) => {
    if (field.message === KEY_VALUE) return isOurs(decodeKey(body, value)) ? 'replaced' : 'keep'
    return field.type === 'message' && field.message !== ANY_VALUE ? 'enter' : 'keep'
  }
