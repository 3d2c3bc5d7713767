import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { HoldpointError, parseJson } from '#contract'
import { createTrust } from '#warrant'
import { readProof } from '../../src/gate/proof.ts'
import { digestOf } from '../../src/gate/release.ts'
import { verifyFor } from '../../src/gate/resource-verify.ts'
import { type WarrantVectors, warrantVectors } from './warrant-vectors.ts'

const file = resolve(import.meta.dirname, '../vectors/warrants.json')
const wanted = `${JSON.stringify(warrantVectors(), null, 2)}\n`
if (process.env.WRITE_VECTORS) writeFileSync(file, wanted)
const vectors = JSON.parse(readFileSync(file, 'utf8')) as WarrantVectors

function trustAt(nowS: number) {
  const clock = { nowS: vectors.now }
  const trust = createTrust({ pin: vectors.pin }, { now: () => clock.nowS * 1000 })
  trust.adoptKeySet(vectors.documents.keySet)
  const registration = trust.verifyRegistration(vectors.documents.registration)
  clock.nowS = nowS
  return { trust, registration }
}

function resultOf(verify: () => object): object {
  try {
    return { ok: true, ...verify() }
  } catch (error) {
    if (error instanceof HoldpointError) return { ok: false, code: error.code }
    throw error
  }
}

test('resource - the published vectors are those that this project makes (WRITE_VECTORS=1 makes them anew)', () => {
  expect(readFileSync(file, 'utf8')).toBe(wanted)
})

test.each(vectors.cases)('resource - vector: $name', ({ proof, action, argumentsText, now, result }) => {
  const { trust, registration } = trustAt(now ?? vectors.now)
  const verified = resultOf(() => {
    const received = { ...action, arguments: parseJson(argumentsText) }
    const by = { registration, enforcement: `resource:${vectors.resource}` as const }
    const { held } = verifyFor(received, { ...readProof(proof), by }, trust, () => {})
    return { requestId: held.requestId, actionDigest: digestOf(held) }
  })
  expect(verified).toEqual(result)
})

test.each(vectors.consumed)('resource - vector: $name', ({ jws, requestId, nonce, actionDigest, result }) => {
  const { trust } = trustAt(vectors.now)
  const expected = { aud: `resource:${vectors.resource}` as const, requestId, nonce }
  const verified = resultOf(() => {
    trust.verifyConsumed(jws, { ...expected, actionDigest: actionDigest as `sha-256:${string}` })
    return {}
  })
  expect(verified).toEqual(result)
})
