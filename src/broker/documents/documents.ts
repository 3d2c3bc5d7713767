import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { FIRST_EPOCH, HoldpointError, type KeySet, type Registration, TRUST_STREAM } from '#contract'
import type { CompiledPolicy, People } from '#policy'
import type { Component, Log } from '#runtime'
import { createTrust, type Trust } from '#warrant'
import type { KnownDirectory } from '../state/known-directory.ts'
import { createDirectories } from './directories.ts'
import type { Policies, PolicyInForce } from './policies.ts'

/** The newest signed documents, each verified from the pin, together with the bytes that are passed on to gates. */
export interface Documents extends Component {
  /** Throws POLICY_UNAVAILABLE while there is none that can be verified, has not expired and is the newest known. */
  policy(): PolicyInForce
  /** The policy that ruled last here, expired or not: for what only stops something. Throws POLICY_UNAVAILABLE. */
  lastPolicy(): CompiledPolicy
  /** The ledger has been read: from here on policies are judged. Resolves when all that are there already are. */
  judgePolicies(): Promise<void>
  /** The ledger tells of another policy. */
  policyRecorded(): void
  keySet(): { version: number; jws: string; document: KeySet }
  /** Throws UNKNOWN_AGENT. */
  registration(agentId: string): { registration: Registration; jws: string }
  /** All that verify, by the agent's id. */
  registrations(): Registration[]
  /** Who is one person. Throws STALE or UNTRUSTED where a directory cannot be relied on: then nobody may answer. */
  people(): People
  /** As of the last directory that was in force here: for what only stops something. */
  lastPeople(): People
  /** The directory in force, whether or not it has expired. */
  directory(): KnownDirectory | undefined
  /** Every epoch of the ledger that has begun, ascending and without a gap; the first needs no document. */
  epochs(): number[]
}

export interface DocumentsDeps {
  nc: NatsConnection
  now: () => number
  log: Log
  /** A newer document is in force: gates want to know. */
  onChange(): void
  /** Who is one person may have changed. */
  onPeople(): void
  /** The newest directory of people that the ledger knows. */
  knownDirectory(): KnownDirectory | undefined
  policies(trust: Trust): Policies
}

interface Document {
  subject: string
  jws: string
}

export function createDocuments(config: { pin: string }, deps: DocumentsDeps): Documents {
  const { now, log } = deps
  const trust: Trust = createTrust(config, { now })
  let keySet: { version: number; jws: string; document: KeySet } | undefined
  const policies = deps.policies(trust)
  const registrations = new Map<string, Document & { registration: Registration }>()
  const directories = createDirectories({ trust, known: deps.knownDirectory, now })
  let directory: Document | undefined
  /** Never taken back: what has begun to hold requests is read, whoever signs what later. */
  const epochs = new Set([FIRST_EPOCH])
  /** Signed by keys that we have not seen yet: tried again after the next key set. */
  let waiting: Document[] = []
  let messages: { stop(): void } | undefined

  function begun(): number[] {
    const found: number[] = []
    for (let epoch = FIRST_EPOCH; epochs.has(epoch); epoch++) found.push(epoch)
    return found
  }

  function adopt(subject: string, jws: string): void {
    const [, , , kind] = subject.split('.')
    if (kind === 'keyset') {
      const adopted = trust.adoptKeySet(jws)
      keySet = { version: adopted.version, jws, document: adopted }
      // Those in force too: what a key signed that is in the key set no longer counts no longer.
      const again = [...waiting, ...(directory ? [directory] : []), ...registrations.values()]
      waiting = []
      directory = undefined
      directories.release()
      registrations.clear()
      for (const document of again) take(document.subject, document.jws)
      policies.keysChanged()
    } else if (kind === 'policy') policies.offer(jws)
    else if (kind === 'registration') {
      const registration = trust.verifyRegistration(jws)
      const { sub } = registration.agent
      // The subject is the administrator's word; whose registration it is, only its signature says.
      const known = registrations.get(sub)
      if (!known || registration.version >= known.registration.version)
        registrations.set(sub, { subject, registration, jws })
    } else if (kind === 'directory') {
      const { version, people } = directories.adopt(jws)
      directory = { subject, jws }
      deps.onPeople()
      log.info('a directory of people is in force', { version, people: people.length })
    } else if (kind === 'epoch') {
      const { version } = trust.verifyEpoch(jws)
      epochs.add(version)
      if (!begun().includes(version))
        log.warn('an epoch is not the next, and has not begun', { epoch: version })
    }
  }

  function take(subject: string, jws: string): void {
    try {
      adopt(subject, jws)
      deps.onChange()
    } catch (error) {
      if (!(error instanceof HoldpointError)) throw error
      // Refused, and everything stays as it was: a bad document must not replace a good one.
      if (error.code === 'UNTRUSTED') waiting.push({ subject, jws })
      log.warn('a signed document was refused', { subject, code: error.code, reason: error.message })
    }
  }

  return {
    name: 'signed documents',
    policy: () => {
      const current = policies.current()
      if (current) return current
      throw new HoldpointError('POLICY_UNAVAILABLE')
    },
    lastPolicy: () => {
      const last = policies.last()
      if (last) return last
      throw new HoldpointError('POLICY_UNAVAILABLE')
    },
    async judgePolicies() {
      await policies.open()
      if (!policies.current()) log.warn('no policy is in force: everything is refused until one is')
    },
    policyRecorded: policies.ledgerChanged,
    keySet: () => {
      if (keySet) return keySet
      throw new HoldpointError('UNTRUSTED', 'no key set that leads back to the pinned key has been published')
    },
    registration: (agentId) => {
      const found = trust.keySet() && registrations.get(agentId)
      if (found) return found
      throw new HoldpointError('UNKNOWN_AGENT', `${agentId}: no registration that can be verified`)
    },
    registrations: () =>
      trust.keySet()
        ? [...registrations.values()]
            .map(({ registration }) => registration)
            .sort((one, other) => (one.agent.sub < other.agent.sub ? -1 : 1))
        : [],
    people: directories.people,
    lastPeople: directories.lastPeople,
    directory: directories.current,
    epochs: begun,

    async start() {
      const manager = await jetstreamManager(deps.nc, { checkAPI: false })
      const { state } = await manager.streams.info(TRUST_STREAM)
      const consumer = await jetstream(deps.nc).consumers.get(TRUST_STREAM)
      const upToDate = Promise.withResolvers<void>()
      if (state.messages === 0) upToDate.resolve()
      messages = await consumer.consume({
        callback: (message) => {
          take(message.subject, message.string())
          // Not by the stream's last number: the message that had it may have been removed.
          if (message.info.pending === 0) upToDate.resolve()
        },
      })
      await upToDate.promise
    },
    async stop() {
      messages?.stop()
      messages = undefined
      await policies.close()
    },
  }
}
