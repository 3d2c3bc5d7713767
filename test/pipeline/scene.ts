import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { streamsOf } from '#broker'
import {
  digestBytes,
  encodeEntry,
  FINDING_STREAM,
  type KeySet,
  type LedgerEntry,
  ledgerStream,
  ledgerSubject,
  ledgerSubjects,
  type PolicyDocument,
  type Registration,
  subjectOfEntry,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_DEAD_STREAM,
  TELEMETRY_STREAM,
  TRUST_STREAM,
  TRUST_SUBJECTS,
  TYP,
  trustSubject,
} from '#contract'
import { createPipeline, type Pipeline, type PipelineConfig, type PipelineDeps } from '#pipeline'
import type { Component } from '#runtime'
import { createEngine, createStore, type Engine, type Store } from '#store'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import { createFakeLog, type FakeLog } from '../support/log.ts'
import { fillMigrated } from '../support/migrated.ts'
import { startNats, type TestNats } from '../support/nats.ts'

const EPOCH = 1
const ORIGIN = 'test.invalid/holdpoint'

/** A pipeline on a real nats-server and the real engine; ledger and policies are written by the test. */
export interface Scene {
  nats: TestNats
  store: Store
  log: FakeLog
  /** Milliseconds; moved by hand. */
  clock: { nowMs: number }
  append(...entries: LedgerEntry[]): Promise<void>
  /** Writes what is no entry into the ledger's stream. */
  corrupt(): Promise<void>
  /** Signs and publishes a policy; the ledger names it from `atMs` on. */
  publishPolicy(
    source: string,
    options?: { atMs?: number; ledgerHash?: string; signed?: 'by a stranger' },
  ): Promise<void>
  /** Says of an agent where it runs. */
  register(agentId: string, environment: string): Promise<void>
  /** An epoch with these entries, which its document says has begun; or somebody else's key does. */
  beginEpoch(epoch: number, entries: LedgerEntry[], options?: { signed?: boolean }): Promise<void>
  /** Preset: `direct`, so that what is answered is stored. */
  startPipeline(
    over?: Partial<PipelineConfig> & { store?: Partial<PipelineDeps['store']> },
  ): Promise<Pipeline>
  stop(): Promise<void>
}

export async function startScene(): Promise<Scene> {
  const log = createFakeLog()
  const nats = await startNats()
  const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-pipeline-'))
  await fillMigrated(dataDir)
  const engine: Engine = createEngine({ dataDir, port: 0, database: 'holdpoint' }, { log })
  await engine.start()
  const store = createStore(engine.writer)
  await store.migrate()
  const nc = await connect({ servers: nats.url })
  const telemetry = await connect({ servers: nats.url })
  await addStreams(nc)

  const clock = { nowMs: Date.now() }
  const organisation = loadKey(generateKey().seed)
  const policyKey = loadKey(generateKey().seed)
  const registryKey = loadKey(generateKey().seed)
  const iat = Math.floor(clock.nowMs / 1000) - 86_400
  const keySet: KeySet = {
    v: 1,
    origin: ORIGIN,
    version: 1,
    iat,
    exp: iat + 30 * 86_400,
    keys: [
      { kid: policyKey.kid, use: 'policy', x: policyKey.x },
      { kid: registryKey.kid, use: 'registry', x: registryKey.x },
    ],
  }
  await jetstream(nc).publish(trustSubject.keySet(1), signDocument(TYP.keySet, keySet, organisation))

  const pipelines: Component[] = []
  let version = 0
  const append = async (...entries: LedgerEntry[]) => {
    for (const entry of entries) await jetstream(nc).publish(subjectOf(entry), encodeEntry(entry))
  }
  return {
    nats,
    store,
    log,
    clock,
    append,
    async corrupt() {
      await jetstream(nc).publish(ledgerSubject.requested(EPOCH, 'corrupt'), '{"not":"an entry"}')
    },
    async publishPolicy(source, { atMs = clock.nowMs - 3_600_000, ledgerHash, signed } = {}) {
      version++
      const document: PolicyDocument = { v: 1, origin: ORIGIN, version, iat, exp: iat + 30 * 86_400, source }
      const key = signed === undefined ? policyKey : loadKey(generateKey().seed)
      await jetstream(nc).publish(trustSubject.policy(version), signDocument(TYP.policy, document, key))
      const hash = digestBytes(ledgerHash ?? source)
      await append({ type: 'policy', at: atMs, version, hash, observes: source.includes('observe') })
    },
    async register(agentId, environment) {
      const agent = { iss: ORIGIN, sub: agentId, name: agentId }
      const owner = { iss: 'https://idp.test', sub: 'alice' }
      const document: Registration = {
        v: 1,
        version: 1,
        iat,
        agent,
        owner,
        environment,
        enforcement: 'in-process',
      }
      const jws = signDocument(TYP.registration, document, registryKey)
      await jetstream(nc).publish(trustSubject.registration(agentId), jws)
    },
    async beginEpoch(epoch, entries, { signed = true } = {}) {
      await addLedger(nc, epoch).catch(() => {})
      for (const entry of entries)
        await jetstream(nc).publish(subjectOfEntry(epoch, entry, 'reviewer'), encodeEntry(entry))
      const document = { v: 1, origin: ORIGIN, version: epoch, iat }
      const key = signed ? registryKey : policyKey
      await jetstream(nc).publish(trustSubject.epoch(epoch), signDocument(TYP.epoch, document, key))
    },
    async startPipeline({ store: ownStore, ...over } = {}) {
      const pipeline = createPipeline(
        {
          host: '127.0.0.1',
          port: 0,
          grpcPort: 0,
          pin: `ed25519:${organisation.x}`,
          mode: 'direct',
          bufferBytes: 2 ** 30,
          lanes: 1,
          ...over,
        },
        { nc, telemetry, store: { ...store, ...ownStore }, now: () => clock.nowMs, log },
      )
      await pipeline.start()
      pipelines.push(pipeline)
      return pipeline
    },
    async stop() {
      for (const pipeline of pipelines) await pipeline.stop()
      await store.close()
      await Promise.all([nc, telemetry].map((line) => line.close()))
      await engine.stop()
      await nats.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function addStreams(nc: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(nc)
  await addLedger(nc, EPOCH)
  await streams.add({ name: TRUST_STREAM, subjects: [TRUST_SUBJECTS], storage: StorageType.Memory })
  const ofPipeline = streamsOf(EPOCH, 1).filter(({ name }) => PIPELINE_STREAMS.has(name))
  for (const stream of ofPipeline) await streams.add(stream)
}

const PIPELINE_STREAMS = new Set([
  TELEMETRY_STREAM,
  TELEMETRY_CURSOR_STREAM,
  TELEMETRY_DEAD_STREAM,
  FINDING_STREAM,
])

async function addLedger(nc: NatsConnection, epoch: number): Promise<void> {
  const { streams } = await jetstreamManager(nc)
  await streams.add({
    name: ledgerStream(epoch),
    subjects: [ledgerSubjects(epoch)],
    storage: StorageType.Memory,
  })
}

const subjectOf = (entry: LedgerEntry): string => subjectOfEntry(EPOCH, entry, 'reviewer')
