import { jetstream, jetstreamManager, type StreamUpdateConfig } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { enrolmentCommands, FILES, publishTrust, signDirectory } from '#broker'
import { checkpointSubject, encodeEntry, ledgerStream, ledgerSubject, trustSubject } from '#contract'
import { runProgram } from '#runtime'
import { checkDocuments } from '../../src/main/doctor/documents.ts'
import { checkLedger } from '../../src/main/doctor/ledger.ts'
import { checkStreams } from '../../src/main/doctor/streams.ts'
import { eventually } from '../support/held.ts'
import { createFakeIo } from '../support/io.ts'
import { createSurgery, fault } from './surgery.ts'

const { complaints, house } = createSurgery()

const admin = async () => (await jetstreamManager(await house().connect('admin'))).streams
const ledger = async (word: 'next' | 'seal'): Promise<number> => {
  const io = createFakeIo({
    cwd: house().home.dir,
    env: { HOLDPOINT_DATA_DIR: house().home.dir },
    nowMs: Date.now(),
  })
  return runProgram(
    { name: 'holdpoint', version: '0', summary: '', commands: enrolmentCommands },
    ['ledger', word],
    io,
  )
}
const nothing = (found: unknown[]) => found.length === 0

test('doctor - of two epochs both are looked at, and neither is a false alarm', async () => {
  await ledger('next')
  await eventually(
    async () => (await admin()).getMessage('HP_CHECKPOINT', { last_by_subj: checkpointSubject(2) }),
    (note) => note !== null,
  )
  await eventually(() => complaints(checkLedger, 'ledger'), nothing)
  expect(await complaints(checkStreams, 'streams')).toEqual([])

  // A broker that sees it stays closed until it looks again, and the next test needs one.
  await house().broker().stop()
  const streams = await admin()
  await streams.update(ledgerStream(1), { deny_delete: true, max_age: 3_600e9 } as StreamUpdateConfig)
  expect(await complaints(checkStreams, 'streams')).toMatchObject([fault(/HP_LEDGER_1: max_age/)])
  await streams.update(ledgerStream(1), { max_age: 0 })
  await house().startBroker()
})

test('doctor - a sealed epoch is no fault, nor one that is dropped; the one that takes requests may not be either', async () => {
  const [waiting] = (await house().desk.list(house().token('bob'))).requests
  const { requestId = '' } = waiting ?? {}
  const { renderHash } = await house().desk.show(house().token('bob'), requestId)
  await house().desk.review({
    requestId,
    verdict: 'deny',
    renderHash,
    channel: 'cli',
    token: house().token('bob'),
  })
  expect(await ledger('seal')).toBe(0)
  await eventually(() => complaints(checkLedger, 'ledger'), nothing)
  expect(await complaints(checkStreams, 'streams')).toEqual([])

  await (await admin()).delete(ledgerStream(1))
  expect(await complaints(checkStreams, 'streams')).toMatchObject([
    { level: 'assumed', what: expect.stringContaining('HP_LEDGER_1: exported and dropped') },
  ])
  expect(await complaints(checkLedger, 'ledger')).toEqual([])
})

test('doctor - an epoch that is not as the next one remembers it is a contradiction', async () => {
  await house().broker().stop()
  const streams = await admin()
  const { config } = await streams.info(ledgerStream(2))
  await streams.add({ ...config, name: ledgerStream(1), subjects: ['hp.v1.ledger.1.>'] })
  const entry = {
    type: 'policy',
    at: Date.now(),
    version: 1,
    hash: `sha-256:${'a'.repeat(64)}`,
    observes: false,
  } as const
  const nc = await house().connect('broker')
  await nc.request(ledgerSubject.policy(1, 1), encodeEntry(entry))
  const found = await complaints(checkLedger, 'ledger')
  expect(found).toMatchObject([fault(/^epoch 1: it is not as epoch 2 remembers it/)])
})

test('doctor - what was removed from where it is published, or put back to how it was, is named', async () => {
  expect(await complaints(checkDocuments, 'published')).toEqual([])
  const source = 'people: { bob: ["https://idp.invalid#bob"] }\n'
  const { version } = signDirectory(house().home, source, 'directory.yaml', house().clock.now())
  await publishTrust(await house().connect('admin'), house().home, house().clock.now())
  const older = house().home.read(FILES.registration('support-agent'))
  await house().agent('support-agent', { owner: 'carol' })
  const streams = await admin()
  const newer = await streams.getMessage('HP_TRUST', {
    last_by_subj: 'hp.v1.trust.registration.support-agent',
  })
  expect(newer?.string()).not.toBe(older)
  expect(await complaints(checkDocuments, 'published')).toEqual([])

  for (const subject of [trustSubject.directory(version), trustSubject.epoch(2)])
    await streams.purge('HP_TRUST', { filter: subject })
  await jetstream(await house().connect('admin')).publish(trustSubject.registration('support-agent'), older)
  expect(await complaints(checkDocuments, 'published')).toMatchObject([
    fault(/directory 1 .*is not there/),
    fault(/epoch 2 .*is not there/),
    fault(/registration of support-agent .*is version \d+, and \d+ is signed here/),
  ])
})
