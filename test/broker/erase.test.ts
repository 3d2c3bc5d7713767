import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readKeySet } from '#broker'
import {
  actionDigest,
  type Card,
  type Digest,
  decodeEntry,
  digestBytes,
  digestJson,
  type ErasedEntry,
  encodeEntry,
  isOfRequest,
  type LedgerEntry,
  ledgerStream,
  ledgerSubject,
  PAYLOAD_KEY_STREAM,
  payloadKeySubject,
  type RequestedEntry,
  renderHash,
} from '#contract'
import { createTree, leafHash, rootOf, verifyLedger } from '#ledger'
import { claimOf, codeOf, consumeOf, eventually, type Held, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const ERASING = POLICY.replace('rules:', 'duties: { erase: [privacy] }\nrules:').replace(
  'groups:',
  'groups:\n  privacy: [oidc:https://development.holdpoint.invalid#group/privacy]',
)
const MEMBER = 'correct-horse-battery-staple'
let house: House
let agent: TestAgent
let privacy: string
beforeAll(async () => {
  house = await startHouse({ policy: ERASING })
  agent = await house.agent('support-agent')
  privacy = await tokenOf(house.home, { sub: 'pia', name: 'Pia Privat', groups: ['privacy'] })
})
afterAll(() => house.stop())

const eraseWith = (token: string, requestId: string) => house.desk.erase({ requestId, channel: 'cli', token })
/** Each is another action: what was denied is remembered. */
let rows = 0
const attempt = () =>
  attemptOf({ arguments: { member: MEMBER, rows: ++rows } }, { statement: `for ${MEMBER}` })
async function denied(): Promise<Held> {
  const held = await holdAction(agent, attempt())
  await reviewAs(house, 'bob', held.requestId, 'deny', `not for ${MEMBER}`)
  return held
}

async function leaves(): Promise<string[]> {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const stream = ledgerStream(EPOCH)
  const { state } = await streams.info(stream)
  const found: string[] = []
  for (let seq = 1; seq <= state.last_seq; seq++)
    found.push((await streams.getMessage(stream, { seq }))?.string() ?? '')
  return found
}
const entries = async (requestId: string): Promise<LedgerEntry[]> =>
  (await leaves()).map(decodeEntry).filter((entry) => isOfRequest(entry) && entry.requestId === requestId)

async function keyOf(requestId: string): Promise<Uint8Array | undefined> {
  const { streams } = await jetstreamManager(await house.connect('broker'), { checkAPI: false })
  const message = await streams.getMessage(PAYLOAD_KEY_STREAM, { last_by_subj: payloadKeySubject(requestId) })
  return message?.data
}

/** All that the server has on its disk. */
const onDisk = (): Buffer =>
  Buffer.concat(
    readdirSync(join(house.home.dir, 'data/nats'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
  )

test('erase - afterwards nobody reads arguments, card and reasons, and everybody is told who erased them', async () => {
  const { requestId, attempt: again } = await denied()
  const { erasedAtMs } = await eraseWith(privacy, requestId)
  const shown = house.desk.show(house.token('bob'), requestId)
  await expect(shown).rejects.toMatchObject({
    code: 'ERASED',
    message: expect.stringContaining('Pia Privat'),
  })
  await expect(shown.catch(({ message }) => message)).resolves.toContain(new Date(erasedAtMs).toISOString())
  expect(await codeOf(house.desk.explain(house.token('bob'), { requestId }))).toBe('ERASED')
  const claimed = await claimOf(agent, requestId)
  expect(claimed).toMatchObject({ status: 'denied', by: [{ sub: 'bob' }] })
  expect(claimed).not.toHaveProperty('reason')
  const asked = agent.call('request', { process: agent.process, attempt: again })
  expect(await codeOf(asked)).toBe('ERASED')
  // What the ledger says of it is still listed.
  const { requests } = await house.desk.list(house.token('bob'), { state: 'all' })
  expect(requests.find((one) => one.requestId === requestId)).toMatchObject({
    state: 'denied',
    reviews: [{ sub: 'bob', verdict: 'deny' }],
  })
})

test('erase - the ledger says who did it, grows by that alone, and verifies as before', async () => {
  const { requestId, actionDigest: digest } = await denied()
  const before = await leaves()
  await eraseWith(privacy, requestId)
  const after = await leaves()
  expect(after.slice(0, before.length)).toEqual(before)
  expect(after).toHaveLength(before.length + 1)
  expect(decodeEntry(after.at(-1) as string)).toMatchObject({
    type: 'erased',
    requestId,
    actionDigest: digest,
    by: { sub: 'pia', assurance: 'login', channel: 'cli' },
  })
  const hashes = (texts: string[]) => texts.map(leafHash)
  expect(rootOf(hashes(after).slice(0, before.length))).toEqual(rootOf(hashes(before)))
  const tree = createTree()
  for (const hash of hashes(after)) tree.append(hash)
  const signed = await eventually(
    async () => (await house.desk.ledger(house.token('bob'))).checkpoint,
    (checkpoint) => checkpoint?.size === after.length,
  )
  const { origin, keys } = readKeySet(house.home, house.clock.now())
  const verified = verifyLedger({
    leaves: after,
    checkpoint: signed?.note ?? '',
    origin: signed?.note.split('\n')[0] ?? origin,
    keys: keys.filter(({ use }) => use === 'ledger'),
  })
  expect(verified).toMatchObject({ size: after.length, verified: true })
})

test('erase - no stream and no file holds what it was, nor the key that opened it', async () => {
  const { requestId } = await denied()
  const sealed = await keyOf(requestId)
  expect(sealed?.length).toBeGreaterThan(32)
  expect(onDisk().includes(sealed as Uint8Array)).toBe(true)
  await eraseWith(privacy, requestId)
  expect(await keyOf(requestId)).toBeUndefined()
  expect(onDisk().includes(sealed as Uint8Array)).toBe(false)

  const { streams } = await jetstreamManager(await house.connect('admin'))
  for await (const name of streams.names()) {
    const { state } = await streams.info(name)
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await streams.getMessage(name, { seq }).catch(() => null)
      if (!message) continue
      expect([name, message.string().includes(MEMBER)]).toEqual([name, false])
      expect([name, Buffer.from(message.data).includes(sealed as Uint8Array)]).toEqual([name, false])
    }
  }
  expect(onDisk().includes(MEMBER)).toBe(false)
})

test('erase - who knows all but one small number cannot find it out by trying', async () => {
  const held = await denied()
  const { card } = await house.desk.show(house.token('bob'), held.requestId)
  const requested = (await entries(held.requestId)).find(({ type }) => type === 'requested') as RequestedEntry
  await eraseWith(privacy, held.requestId)
  const inLedger = new Set((await leaves()).flatMap((leaf) => leaf.match(/[0-9a-f]{64}/g) ?? []))
  const isKnown = (digest: Digest): boolean => inLedger.has(digest.slice('sha-256:'.length))

  const { nonce, ...guessable } = card
  const guesses = Array.from({ length: 50 }, (_, guess) => ({ member: MEMBER, rows: guess }))
  for (const value of guesses) {
    const action = { ...held.attempt.action, arguments: value }
    const guessed: Card = { ...guessable, action }
    expect(isKnown(renderHash(guessed))).toBe(false)
    for (const salt of ['', '0', held.requestId])
      expect(isKnown(actionDigest(action, requested, salt))).toBe(false)
    for (const plain of [value, { arguments: value }, `not for ${MEMBER}`, action])
      expect(isKnown(digestJson(plain))).toBe(false)
  }
  // The same search with what has been erased finds it at once: it is the salt that keeps it.
  const { action } = held.attempt
  expect(isKnown(actionDigest(action, requested, held.salt))).toBe(true)
  expect(isKnown(renderHash({ ...guessable, action, ...(nonce === undefined ? {} : { nonce }) }))).toBe(true)
  expect(isKnown(digestJson({ salt: held.salt, reason: `not for ${MEMBER}` }))).toBe(true)
})

test('erase - only those who have the duty, signed in themselves', async () => {
  const { requestId } = await denied()
  const bot = await tokenOf(house.home, { sub: 'bot', client_id: 'bot', groups: ['privacy'] })
  for (const token of [house.token('alice'), house.token('bob'), house.token('carol'), bot])
    expect(await codeOf(eraseWith(token, requestId))).toBe('NOT_PERMITTED')
  expect(await codeOf(eraseWith('x', requestId))).toBe('UNAUTHENTICATED')
  expect(await codeOf(eraseWith(privacy, '1-nobody'))).toBe('UNKNOWN_REQUEST')
  expect(await house.desk.show(house.token('bob'), requestId)).toMatchObject({ card: { requestId } })
})

test('erase - what waits or may still be used has to be ended first', async () => {
  const held = await holdAction(agent, attempt())
  const { requestId } = held
  await expect(eraseWith(privacy, requestId)).rejects.toThrow(/deny or cancel it first/)
  await reviewAs(house, 'bob', requestId)
  await expect(eraseWith(privacy, requestId)).rejects.toMatchObject({
    code: 'TOO_EARLY',
    message: /revoke it first/,
  })
  await consumeOf(agent, held)
  await eraseWith(privacy, requestId)
  const other = await holdAction(agent, attempt())
  await reviewAs(house, 'bob', other.requestId)
  await house.desk.revoke({ requestId: other.requestId, channel: 'cli', token: house.token('carol') })
  await eraseWith(privacy, other.requestId)
  expect(await keyOf(requestId)).toBeUndefined()
  expect(await keyOf(other.requestId)).toBeUndefined()
})

test('erase - it happens once, whoever asks again, and nobody adds a word to it afterwards', async () => {
  const { requestId } = await denied()
  const { renderHash: hash } = await house.desk.show(house.token('carol'), requestId)
  const [one, other] = await Promise.all([eraseWith(privacy, requestId), eraseWith(privacy, requestId)])
  expect(one).toEqual(other)
  house.clock.advance(60_000)
  expect(await eraseWith(privacy, requestId)).toEqual(one)
  expect((await entries(requestId)).filter(({ type }) => type === 'erased')).toHaveLength(1)
  const late = { requestId, verdict: 'deny', reason: MEMBER, renderHash: hash, channel: 'cli' } as const
  expect(await codeOf(house.desk.review({ ...late, token: house.token('carol') }))).toBe('ERASED')
})

test('erase - a broker that dies between the record and the key leaves the key to whoever starts next', async () => {
  const { requestId, actionDigest: digest } = await denied()
  await house.broker().stop()
  const pia = { iss: 'https://development.holdpoint.invalid', sub: 'pia', name: 'Pia Privat' }
  const entry: ErasedEntry = {
    type: 'erased',
    at: house.clock.now(),
    requestId,
    actionDigest: digest,
    by: { ...pia, assurance: 'login', channel: 'cli', evidence: digestBytes('token') },
  }
  const js = jetstream(await house.connect('broker'))
  await js.publish(ledgerSubject.erased(EPOCH, requestId), encodeEntry(entry))
  expect(await keyOf(requestId)).toBeDefined()
  await Promise.all([house.startBroker(), house.startBroker()])
  // Recorded is erased, whether or not the key is gone already.
  expect(await codeOf(house.desk.show(house.token('bob'), requestId))).toBe('ERASED')
  await eventually(
    () => keyOf(requestId),
    (key) => key === undefined,
  )
})

test('erase - a broker that runs deletes the key for one that died', async () => {
  const { requestId, actionDigest: digest } = await denied()
  const entry: ErasedEntry = {
    type: 'erased',
    at: house.clock.now(),
    requestId,
    actionDigest: digest,
    by: { iss: 'i', sub: 'pia', name: 'Pia', assurance: 'login', channel: 'cli', evidence: digestBytes('t') },
  }
  const js = jetstream(await house.connect('broker'))
  await js.publish(ledgerSubject.erased(EPOCH, requestId), encodeEntry(entry))
  await eventually(
    () => keyOf(requestId),
    (key) => key === undefined,
  )
})
