import { type Digest, digestHex, digestJson } from './digest.ts'
import { canonicalize, parseJson } from './json.ts'
import {
  type ContinuedEntry,
  type DirectoryEntry,
  freezeName,
  type LedgerEntry,
  type PolicyEntry,
  type RequestedEntry,
} from './ledger.ts'
import { entryShape } from './ledger-shapes.ts'
import { list, literal, object, parse, type Shape, text } from './shape.ts'

const PREDICATE = 'https://holdpoint.dev/ledger/v1/'
const STATEMENT = 'https://in-toto.io/Statement/v1'

/** The leaf: canonical bytes of an in-toto Statement v1. What it is about stands in `subject`, once. */
export function encodeEntry(entry: LedgerEntry): string {
  const { type, ...rest } = entry
  if (entry.type === 'policy') {
    const { hash, ...predicate } = rest as Omit<PolicyEntry, 'type'>
    return statement(type, `policy/${entry.version}`, hash, predicate)
  }
  if (entry.type === 'directory') {
    const { hash, ...predicate } = rest as Omit<DirectoryEntry, 'type'>
    return statement(type, `directory/${entry.version}`, hash, predicate)
  }
  if (entry.type === 'freeze') {
    const { agent, turn, frozen } = entry
    return statement(type, freezeName(entry), digestJson({ agent, turn, frozen }), rest)
  }
  if (entry.type === 'continued') {
    const { root, ...predicate } = rest as Omit<ContinuedEntry, 'type'>
    return statement(type, `epoch/${entry.epoch}`, root, predicate)
  }
  const { requestId, actionDigest, ...predicate } = rest as Omit<RequestedEntry, 'type'>
  return statement(type, requestId, actionDigest, predicate)
}

function statement(type: string, name: string, digest: Digest, predicate: object): string {
  return canonicalize({
    _type: STATEMENT,
    subject: [{ name, digest: { sha256: digestHex(digest) } }],
    predicateType: PREDICATE + type,
    predicate,
  })
}

/** Reads a leaf back; throws INVALID_INPUT for anything that encodeEntry does not write, byte for byte. */
export function decodeEntry(bytes: string): LedgerEntry {
  const { subject, predicateType, predicate } = parse(statementShape, readJson(bytes), 'ledger entry')
  const about = subject[0] as (typeof subject)[number]
  const type = predicateType.startsWith(PREDICATE) ? predicateType.slice(PREDICATE.length) : predicateType
  const digest = `sha-256:${about.digest.sha256}` as Digest
  const entry = parse(
    entryShape,
    { ...predicate, ...keyOf(type, about.name, digest), type },
    `ledger entry ${about.name}`,
  )
  // One entry has one encoding: otherwise two readers could hash the same words differently.
  if (encodeEntry(entry) !== bytes)
    parse(literal('canonical bytes'), 'other bytes', `ledger entry ${about.name}`)
  return entry
}

/** Throws INVALID_INPUT for an entry of which encodeEntry would make what decodeEntry refuses. */
export const checkEntry = (entry: LedgerEntry): void => void parse(entryShape, entry, 'ledger entry')

/** Whatever parsers could disagree about does not survive the comparison of bytes; here it only gets its message. */
function readJson(bytes: string): unknown {
  try {
    return JSON.parse(bytes)
  } catch {
    return parseJson(bytes)
  }
}

/** What stands in `subject` and is not repeated in the predicate. */
function keyOf(type: string, name: string, digest: Digest): object {
  if (type === 'policy' || type === 'directory') return { hash: digest }
  if (type === 'continued') return { root: digest }
  if (type === 'freeze') return {}
  return { requestId: name, actionDigest: digest }
}

const statementShape = object({
  _type: literal(STATEMENT),
  subject: list(
    object({
      name: text({ min: 1, max: 200 }),
      digest: object({ sha256: text({ pattern: /^[0-9a-f]{64}$/, like: '64 hex digits' }) }),
    }),
    { min: 1, max: 1 },
  ),
  predicateType: text({ max: 200 }),
  predicate: ((value, at, report) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? value
      : report(at, 'a mapping', value)) as Shape<object>,
})
