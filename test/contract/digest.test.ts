import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  type Action,
  actionDigest,
  type Card,
  canonicalize,
  type Digest,
  digestJson,
  freezeJson,
  type Requester,
  renderHash,
} from '#contract'

interface Change {
  path: string
  value?: unknown
}
interface Vectors {
  action: Action
  requester: Requester
  salt: string
  canonical: string
  digest: Digest
  changes: (Change & { digest: Digest })[]
  indifferent: Change[]
}
const vectors: Vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'))
const digestOf = ({ action, requester, salt }: Pick<Vectors, 'action' | 'requester' | 'salt'>) =>
  actionDigest(action, requester, salt)

function changed({ path, value }: Change): Vectors {
  const copy = structuredClone(vectors) as unknown as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() as string
  let at = copy
  for (const name of names) at = at[name] as Record<string, unknown>
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy as unknown as Vectors
}

describe('action digest', () => {
  test('digest - the base has the canonical text and the digest that are written down', () => {
    expect(`sha-256:${hash('sha256', vectors.canonical)}`).toBe(vectors.digest)
    expect(canonicalize(JSON.parse(vectors.canonical))).toBe(vectors.canonical)
    expect(digestOf(vectors)).toBe(vectors.digest)
  })

  test.each(vectors.changes)('digest - $path changed to $value changes the digest', (change) => {
    expect(digestOf(changed(change))).toBe(change.digest)
    expect(change.digest).not.toBe(vectors.digest)
  })

  test('digest - no two of the changes have the same digest', () => {
    const digests = [vectors, ...vectors.changes].map(({ digest }) => digest)
    expect(new Set(digests).size).toBe(digests.length)
  })

  test.each(vectors.indifferent)('digest - $path changed to $value does not matter', (change) => {
    const other = changed(change)
    expect(other).not.toEqual(vectors)
    expect(digestOf(other)).toBe(vectors.digest)
  })

  test('digest - is the same for the frozen action', () => {
    const action = freezeJson(vectors.action) as unknown as Action
    expect(digestOf({ ...vectors, action })).toBe(vectors.digest)
  })

  test('digest - what has no canonical form has no digest', () => {
    const action = { ...vectors.action, arguments: { amount: 2 ** 60 } }
    expect(() => digestOf({ ...vectors, action })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })
})

describe('render hash', () => {
  const { kind, name, arguments: args, runtime, trace } = vectors.action
  const card: Card = {
    v: 1,
    requestId: '1-request',
    action: { kind, name, target: 'crm', arguments: args, runtime, trace },
    redacted: [{ path: '/arguments/password', length: 8, digest: digestJson('x'), by: 'policy' }],
    actionDigest: vectors.digest,
    ...vectors.requester,
    onBehalfOfUnverified: false,
    facts: [{ name: 'rows', value: 12, source: 'gateway' }],
    statement: 'I need this.',
    rule: 'export',
    risk: 'high',
    policyVersion: 3,
    approvals: { from: ['sre'], threshold: 2, assurance: 'login' },
    requestedAtMs: 1,
    expiresAtMs: 2,
  }

  test('card - no member and no byte of it can change without changing the hash', () => {
    const base = renderHash(card)
    const canonical = canonicalize(card)
    const seen = new Set([base])
    const leaves = changedLeaves(card)
    expect(leaves.length).toBeGreaterThan(50)
    for (const other of leaves) seen.add(renderHash(other as unknown as Card))
    expect(seen.size).toBe(leaves.length + 1)
    expect(renderHash(JSON.parse(canonical))).toBe(base)
  })
})

/** Copies of a value, each with one leaf changed by as little as can be, or one member removed. */
function changedLeaves(value: unknown): unknown[] {
  if (typeof value === 'string') return [`${value} `, value.slice(1)]
  if (typeof value === 'number') return [value + 1]
  if (typeof value === 'boolean') return [!value]
  if (value === null) return [0]
  if (Array.isArray(value)) {
    const within = value.flatMap((entry, at) => changedLeaves(entry).map((other) => value.with(at, other)))
    return [...within, ...value.map((_, at) => value.toSpliced(at, 1)), [...value, null]]
  }
  const object = value as Record<string, unknown>
  return Object.entries(object).flatMap(([key, member]) => {
    const { [key]: _, ...without } = object
    return [without, ...changedLeaves(member).map((other) => ({ ...object, [key]: other }))]
  })
}
