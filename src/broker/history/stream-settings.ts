/** A setting of a live stream that is not what it has to be. */
export interface Difference {
  stream: string
  setting: string
  found: unknown
  expected: unknown
}

type Settings = Readonly<Record<string, unknown>>
type Wanted = { readonly name: string }

/**
 * What else empties or rewrites a stream, puts others' messages into it, lets it leave the account, or acknowledges
 * what is not on disk. Left out, as servers do that do not know a setting yet, is the same as unset.
 */
const NEVER: Settings = {
  retention: 'limits',
  discard: 'old',
  discard_new_per_subject: false,
  deny_delete: false,
  deny_purge: false,
  allow_direct: false,
  mirror_direct: false,
  allow_rollup_hdrs: false,
  max_age: 0,
  max_bytes: -1,
  max_msgs: -1,
  max_msg_size: -1,
  max_consumers: -1,
  no_ack: false,
  sealed: false,
  mirror: undefined,
  sources: undefined,
  republish: undefined,
  subject_transform: undefined,
  allow_msg_ttl: false,
  subject_delete_marker_ttl: 0,
  allow_msg_schedules: false,
  allow_msg_counter: false,
  persist_mode: 'default',
}

/** Where nobody asked, stricter does no harm; a stream out of which keys are erased asks. */
const STRICTER_IS_FINE = new Set(['deny_delete', 'deny_purge'])
const MAY_BE_MORE = new Set(['num_replicas'])
/** They say nothing of what is kept. */
const INDIFFERENT = new Set([
  'name',
  'description',
  'metadata',
  'placement',
  'compression',
  'duplicate_window',
  'consumer_limits',
  'allow_atomic',
  'allow_batched',
  'template_owner',
  'first_seq',
])

/** Compares a live stream with how it has to be; `live` is what the server says, whatever it says. */
export function differencesOf(wanted: Wanted, live: Settings): Difference[] {
  const expected: Settings = { ...NEVER, ...wanted }
  const isStricter = (setting: string): boolean =>
    STRICTER_IS_FINE.has(setting) && !(setting in wanted) && live[setting] === true
  return Object.entries(expected)
    .filter(([setting, value]) => !isAsExpected(setting, live[setting], value) && !isStricter(setting))
    .map(([setting, value]) => ({ stream: wanted.name, setting, found: live[setting], expected: value }))
}

/** Settings that are in use and that this program does not know: newer than it, and perhaps harmless. */
export const unknownSettings = (wanted: Wanted, live: Settings): string[] =>
  Object.keys(live).filter(
    (setting) =>
      !INDIFFERENT.has(setting) && !(setting in NEVER) && !(setting in wanted) && !isUnset(live[setting]),
  )

export const differenceText = ({ stream, setting, found, expected }: Difference): string =>
  `stream ${stream}: ${setting} is ${shown(found)}, expected ${shown(expected)}`

function isAsExpected(setting: string, found: unknown, expected: unknown): boolean {
  // Whoever may write without waiting for the disk may also wait.
  if (setting === 'persist_mode' && expected !== NEVER[setting]) return true
  if (MAY_BE_MORE.has(setting)) return Number(found) >= Number(expected)
  const isLeftOut = found === undefined || found === null || found === ''
  if (isLeftOut) return isUnset(expected) || expected === NEVER[setting]
  return JSON.stringify(found) === JSON.stringify(expected) || (isUnset(found) && isUnset(expected))
}

function isUnset(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return [undefined, null, false, 0, ''].includes(value as never)
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'not set'
