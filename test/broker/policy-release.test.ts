import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FILES, readKey } from '#broker'
import {
  type Alarm,
  alarmSubject,
  decodeEntry,
  EVENT_STREAM,
  ledgerStream,
  ledgerSubject,
  type PolicyEntry,
  trustSubject,
} from '#contract'
import { generateKey, loadKey } from '#warrant/issue'
import { codeOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { EPOCH, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'
import {
  changeRequest,
  policyAgentOf,
  policyAllowing,
  putPolicy,
  refusalIn,
  untilInForce,
} from '../support/policy-changes.ts'

const WANTED = policyAllowing('find')

async function recorded(house: House, version: number): Promise<PolicyEntry | undefined> {
  const { streams } = await jetstreamManager(await house.connect('pipeline'))
  const subject = ledgerSubject.policy(EPOCH, version)
  const found = await streams.getMessage(ledgerStream(EPOCH), { last_by_subj: subject })
  return found ? (decodeEntry(found.string()) as PolicyEntry) : undefined
}

/** What the alarms about policies say. */
async function alarms(house: House): Promise<string[]> {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const { state } = await streams.info(EVENT_STREAM, { subjects_filter: alarmSubject('policy', '*') })
  const found = Object.keys(state.subjects ?? {}).map(async (subject) => {
    const message = await streams.getMessage(EVENT_STREAM, { last_by_subj: subject })
    return message ? message.json<Alarm>().text : ''
  })
  return Promise.all(found)
}

describe('a policy that nobody released', () => {
  let house: House
  let agent: TestAgent
  let shop: TestAgent

  beforeAll(async () => {
    house = await startHouse({ policyChanges: 'held' })
    agent = await policyAgentOf(house)
    shop = await house.agent('shop', { owner: 'alice' })
  })
  afterAll(() => house.stop())

  /** Another text for each: what has been denied once is not asked again. */
  let texts = 0
  async function released(reached: 'pending' | 'denied' | 'approved' | 'consumed', source?: string) {
    const wanted = source === undefined ? policyAllowing(`find_${++texts}`) : WANTED
    const { requestId } = await changeRequest(house, agent, wanted, reached)
    return putPolicy(house, { version: 2, source: source ?? wanted, release: requestId })
  }
  async function expired() {
    const wanted = policyAllowing('find_late')
    const { requestId } = await changeRequest(house, agent, wanted, 'pending')
    house.clock.advance(16 * 60_000)
    const state = async () => (await house.desk.show(house.token('bob'), requestId)).summary.state
    await eventually(state, (found) => found === 'expired')
    return putPolicy(house, { version: 2, source: wanted, release: requestId })
  }
  async function ofAnotherAction() {
    const held = await holdAction(shop)
    await reviewAs(house, 'bob', held.requestId)
    return putPolicy(house, { version: 2, source: WANTED, release: held.requestId })
  }
  const byOrganisation = () =>
    putPolicy(house, { version: 3, source: WANTED }, readKey(house.home, FILES.organisation))

  const refused: [what: string, put: () => Promise<unknown>, why: RegExp][] = [
    ['without any release', () => putPolicy(house, { version: 2, source: WANTED }), /nobody has released/],
    [
      'with a release that is none',
      () => putPolicy(house, { version: 2, source: WANTED, release: '1-x' }),
      /is no request/,
    ],
    ['whose release waits', () => released('pending'), /is pending, expected an approval/],
    ['whose release was denied', () => released('denied'), /is denied/],
    [
      'whose release is approved and not consumed',
      () => released('approved'),
      /is approved, expected to be consumed/,
    ],
    ['whose release expired', expired, /is expired/],
    [
      'with another text than was released',
      () => released('consumed', `${WANTED}\n# and more\n`),
      /released another text/,
    ],
    [
      'with one byte more than was released',
      () => released('consumed', `${WANTED}\n`),
      /released another text/,
    ],
    ['with the release of another action of another agent', ofAnotherAction, /released another action: tool/],
    ['two versions on', () => putPolicy(house, { version: 3, source: WANTED }), /2 is the next/],
    ['far ahead', () => putPolicy(house, { version: 2 ** 50, source: POLICY }), /2 is the next/],
    ['two versions on by the organisation key', byOrganisation, /2 is the next/],
  ]

  test.each(refused)(
    'policy - one %s is refused, with an alarm, and the one in force stays',
    async (_, put, why) => {
      const since = house.lines.length
      await put()
      expect(await refusalIn(house, since)).toMatch(why)
      expect(await house.desk.policy(house.token('bob'))).toMatchObject({ version: 1, source: POLICY })
      expect(await recorded(house, 2)).toBeUndefined()
      const isRaised = (texts: string[]) =>
        texts.some((text) => text.includes('was refused') && why.test(text))
      await eventually(() => alarms(house), isRaised)
    },
  )

  test('policy - one that a stranger signed is not even judged', async () => {
    const since = house.lines.length
    await putPolicy(house, { version: 2, source: WANTED }, loadKey(generateKey().seed))
    const said = async () => house.lines.slice(since).some((line) => line.includes('may sign it'))
    await eventually(said, Boolean)
    expect((await house.desk.policy(house.token('bob'))).version).toBe(1)
  })
})

describe('a policy that people released', () => {
  let house: House
  let agent: TestAgent

  beforeEach(async () => {
    house = await startHouse({ policyChanges: 'held' })
    agent = await policyAgentOf(house)
  })
  afterEach(() => house.stop())

  test('policy - it comes into force, in every replica and after a restart, and the ledger names its release', async () => {
    const other = await house.startBroker()
    const { requestId } = await changeRequest(house, agent, WANTED, 'consumed')
    await putPolicy(house, { version: 2, source: WANTED, release: requestId })
    await untilInForce(house, 2)
    expect(await recorded(house, 2)).toMatchObject({ version: 2, release: requestId })
    await other.stop()
    const again = await house.startBroker()
    for (let turn = 0; turn < 10; turn++)
      expect(await house.desk.policy(house.token('bob'))).toMatchObject({ version: 2, source: WANTED })
    await again.stop()
    expect(house.lines.filter((line) => line.includes('a policy was refused'))).toEqual([])
  })

  test('policy - a release is good for one version, and a policy from before it is refused', async () => {
    const { requestId } = await changeRequest(house, agent, WANTED, 'consumed')
    const overtaken = await changeRequest(house, agent, policyAllowing('see'), 'consumed')
    await putPolicy(house, { version: 2, source: WANTED, release: requestId })
    await untilInForce(house, 2)
    for (const policy of [
      { version: 3, source: WANTED, release: requestId },
      { version: 3, source: policyAllowing('see'), release: overtaken.requestId },
      { version: 2, source: policyAllowing('see'), release: overtaken.requestId },
      { version: 1, source: policyAllowing('see') },
    ]) {
      const since = house.lines.length
      await putPolicy(house, policy)
      expect(await refusalIn(house, since)).toMatch(
        /a change of policy 1, and 2 stands|policy 2 with another text|policy 2 stands/,
      )
      expect((await house.desk.policy(house.token('bob'))).source).toBe(WANTED)
    }
  })

  test('policy - the same text again needs nobody, and is no way to another text', async () => {
    await putPolicy(house, { version: 2, source: POLICY })
    await untilInForce(house, 2)
    expect((await recorded(house, 2))?.release).toBeUndefined()
    const since = house.lines.length
    await putPolicy(house, { version: 3, source: POLICY.replace('threshold: 2', 'threshold: 1') })
    expect(await refusalIn(house, since)).toMatch(/nobody has released/)
  })

  test('policy - the organisation key brings one into force by itself, loudly', async () => {
    // Whatever it says of a release: nobody has looked whether that is true.
    const policy = { version: 2, source: WANTED, release: '1-made-up' }
    await putPolicy(house, policy, readKey(house.home, FILES.organisation))
    await untilInForce(house, 2)
    const entry = await recorded(house, 2)
    expect([entry?.version, entry?.release]).toEqual([2, undefined])
    expect(
      await eventually(
        () => alarms(house),
        ({ length }) => length > 0,
      ),
    ).toEqual(['Policy 2 came into force by the organisation key: nobody released it.'])
  })

  test('policy - one that is put there while every broker is away is judged all the same', async () => {
    const { requestId } = await changeRequest(house, agent, WANTED, 'consumed')
    await house.broker().stop()
    await putPolicy(house, { version: 2, source: WANTED, release: requestId })
    await putPolicy(house, { version: 3, source: policyAllowing('see') })
    const since = house.lines.length
    await house.startBroker()
    expect((await house.desk.policy(house.token('bob'))).version).toBe(2)
    expect(await refusalIn(house, since)).toMatch(/nobody has released/)
  })

  test('policy - a broker that starts among a hundred documents that are none finds the one that stands', async () => {
    await house.broker().stop()
    const js = jetstream(await house.connect('admin'))
    for (let nth = 0; nth < 100; nth++) await js.publish(trustSubject.policy(1_000 + nth), `none ${nth}`)
    await house.startBroker()
    expect((await house.desk.policy(house.token('bob'))).version).toBe(1)
  })

  test('policy - where the stream was rewritten and its text is gone, everything is refused', async () => {
    const { requestId } = await changeRequest(house, agent, WANTED, 'consumed')
    await putPolicy(house, { version: 2, source: WANTED, release: requestId })
    await untilInForce(house, 2)
    await house.broker().stop()
    await putPolicy(house, { version: 2, source: policyAllowing('see'), release: requestId })
    await house.startBroker()
    expect(await codeOf(house.desk.policy(house.token('bob')))).toBe('POLICY_UNAVAILABLE')
    await putPolicy(
      house,
      { version: 3, source: policyAllowing('see') },
      readKey(house.home, FILES.organisation),
    )
    await untilInForce(house, 3)
  })
})
