import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FILES, publishTrust, signDirectory } from '#broker'
import { decodeEntry, digestBytes, ledgerStream, ledgerSubject, TRUST_STREAM, trustSubject } from '#contract'
import { DEVELOPMENT_ISSUER } from '#identity'
import { codeOf, eventually, holdAction } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

const peopleOf = (people: Record<string, string[]>): string =>
  `people:\n${Object.entries(people)
    .map(([id, subs]) => `  ${id}: [${subs.map((sub) => `"${DEVELOPMENT_ISSUER}#${sub}"`).join(', ')}]\n`)
    .join('')}`
const BOBS = peopleOf({ bob: ['bob', 'bob-admin'] })

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

async function publish(source: string): Promise<number> {
  const { version } = signDirectory(house.home, source, 'directory.yaml', house.clock.now())
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await untilKnown(version)
  return version
}
/** The ledger says that there is such a directory. */
const untilKnown = async (version: number): Promise<void> => {
  const { streams } = await jetstreamManager(await house.connect('pipeline'), { checkAPI: false })
  const message = await eventually(
    () => streams.getMessage(ledgerStream(1), { last_by_subj: ledgerSubject.directory(1, version) }),
    (found) => found !== null,
  )
  expect(decodeEntry(message?.string() ?? '')).toMatchObject({
    type: 'directory',
    version,
    hash: digestBytes(house.home.read(FILES.directory)),
  })
}
async function review(sub: string, requestId: string) {
  const token = await tokenOf(house.home, { sub, name: sub, groups: ['sre'] }, house.clock.now())
  const { renderHash } = await house.desk.show(token, requestId)
  return house.desk.review({ requestId, verdict: 'approve', renderHash, channel: 'cli', token })
}
const remove = async (version: number): Promise<void> => {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  await streams.purge(TRUST_STREAM, { filter: trustSubject.directory(version) })
}
const holdTwo = () => holdAction(agent, attemptOf({ name: 'wire_money' }))
const stateOf = async (requestId: string) =>
  (await house.desk.show(house.token('carol'), requestId)).summary.state

test('people - a directory that somebody has removed does not make two of one person', async () => {
  const version = await publish(BOBS)
  await remove(version)
  await house.broker().stop()
  await house.startBroker()
  const { requestId } = await holdTwo()
  for (const sub of ['bob', 'bob-admin']) expect(await codeOf(review(sub, requestId))).toBe('STALE')
  expect(await stateOf(requestId)).toBe('pending')
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await eventually(
    () =>
      review('bob', requestId).then(
        () => '',
        ({ code }) => code,
      ),
    (code) => code === '',
  )
  expect(await codeOf(review('bob-admin', requestId))).toBe('ALREADY_REVIEWED')
})

test('people - an older directory that somebody has put back counts no more', async () => {
  const first = await publish(peopleOf({ bob: ['bob'] }))
  const older = house.home.read(FILES.directory)
  const second = await publish(BOBS)
  await remove(second)
  await jetstream(await house.connect('admin')).publish(trustSubject.directory(first), older)
  await house.broker().stop()
  await house.startBroker()
  const { requestId } = await holdTwo()
  expect(await codeOf(review('bob', requestId))).toBe('STALE')
})

test('people - with what a directory corrects, reviews that are there already are counted again', async () => {
  const { requestId } = await holdTwo()
  expect(await review('bob', requestId)).toEqual({ state: 'pending', missing: 1 })
  await publish(peopleOf({ alice: ['alice', 'bob'] }))
  expect(await review('carol', requestId)).toEqual({ state: 'pending', missing: 1 })
  await publish(peopleOf({ alice: ['alice'], bob: ['bob'] }))
  await eventually(
    () => stateOf(requestId),
    (state) => state === 'approved',
  )
})
