import { setTimeout } from 'node:timers/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  type Digest,
  decodeEntry,
  digestBytes,
  HoldpointError,
  ledgerStream,
  ledgerSubject,
  type PolicyDocument,
  TRUST_STREAM,
  trustSubject,
} from '#contract'
import { epochsOf } from './epochs.ts'
import type { Home } from './home.ts'
import { keepPolicy, type NextPolicy, signNextPolicy } from './policy.ts'

/** The newest policy that the ledger knows, as an administrator's credentials read it. */
export async function policyThatStands(
  nc: NatsConnection,
  home: Home,
): Promise<{ version: number; hash: Digest } | undefined> {
  const { streams } = await jetstreamManager(nc)
  for (const epoch of epochsOf(home).toReversed()) {
    const subject = `${ledgerSubject.policy(epoch, 0).replace(/0$/, '*')}`
    const found = await streams.getMessage(ledgerStream(epoch), { last_by_subj: subject }).catch(ifAbsent)
    const entry = found && decodeEntry(found.string())
    if (entry?.type === 'policy') return { version: entry.version, hash: entry.hash }
  }
  return undefined
}

/** A stream that is not there yet holds nothing. */
function ifAbsent(error: unknown): undefined {
  if (/stream not found|no message found/i.test((error as Error).message)) return undefined
  throw error
}

const ADOPTED_WITHIN_MS = 15_000
const LOOK_AGAIN_MS = 50

/**
 * Signs the next policy, puts it where brokers read it, and waits until the ledger has it. Whatever is wrong with it,
 * the broker that finds so says it in its log and in an alarm, and the one in force stays.
 * Throws STALE where another one has its version, UNAVAILABLE where no broker has adopted it in time.
 */
export async function publishNextPolicy(
  nc: NatsConnection,
  home: Home,
  next: NextPolicy,
  nowMs: number,
): Promise<PolicyDocument> {
  const { document, jws } = signNextPolicy(home, next, nowMs)
  const { version, source } = document
  const subject = trustSubject.policy(version)
  const { streams } = await jetstreamManager(nc)
  const there = await streams.getMessage(TRUST_STREAM, { last_by_subj: subject })
  const put = (text: string, after: number): Promise<{ seq: number }> =>
    jetstream(nc).publish(subject, text, { expect: { lastSubjectSequence: after } })

  if (((await policyThatStands(nc, home))?.version ?? 0) >= version) throw overtaken(version)
  const { seq } = await put(jws, there?.seq ?? 0).catch(() => {
    throw overtaken(version)
  })
  const adopted = await untilRecorded(nc, home, version)
  if (adopted !== digestBytes(source)) {
    // What stands has to lie where brokers look for it when they start.
    if (there && adopted !== undefined) await put(there.string(), seq).catch(() => undefined)
    if (adopted !== undefined) throw overtaken(version)
    throw new HoldpointError(
      'UNAVAILABLE',
      `policy ${version} is published, and no broker has adopted it: its log and its alarms say why`,
    )
  }
  keepPolicy(home, jws)
  return document
}

async function untilRecorded(nc: NatsConnection, home: Home, version: number): Promise<Digest | undefined> {
  const giveUpAt = performance.now() + ADOPTED_WITHIN_MS
  while (performance.now() < giveUpAt) {
    const stands = await policyThatStands(nc, home)
    if (stands && stands.version >= version) return stands.hash
    await setTimeout(LOOK_AGAIN_MS)
  }
  return undefined
}

const overtaken = (version: number): HoldpointError =>
  new HoldpointError('STALE', `another policy ${version} has come into force meanwhile: do it again`)
