import { AGENT_ID, HoldpointError, type Registration, trustSubject } from '#contract'
import type { Log } from '#runtime'
import type { Registrations } from './ask-policies.ts'
import type { TrustDocuments } from './trust-documents.ts'

/** A registration that is replaced counts this much later at most; one that is new, as soon as it is asked for. */
const REFRESH_AFTER_MS = 5_000
/** Spans may name agents that there are not, as many as they like. */
const LOOK_AGAIN_AFTER_MS = 500

/**
 * Who is registered, by what the registry has signed and published. The ids come from the stream, never from spans:
 * those may name a million agents that there are not.
 */
export function createRegistrations(deps: { documents: TrustDocuments; now: () => number; log: Log }): {
  prepare(agentIds: Iterable<string>): Promise<void>
  of: Registrations
} {
  const { documents, now, log } = deps
  let registered = new Map<string, { messages: number; registration: Registration | undefined }>()
  let readAtMs = -Infinity
  let reading: Promise<void> | undefined

  async function read(): Promise<void> {
    const next: typeof registered = new Map()
    for (const [subject, messages] of await documents.list(trustSubject.registration('*'))) {
      const agentId = subject.split('.').at(-1) ?? ''
      const known = registered.get(agentId)
      // A registration that is replaced stands behind the one before it.
      if (known?.messages === messages) next.set(agentId, known)
      else if (AGENT_ID.test(agentId))
        next.set(agentId, { messages, registration: await open(agentId, await documents.read(subject)) })
    }
    registered = next
    readAtMs = now()
  }

  async function open(agentId: string, jws: string | undefined): Promise<Registration | undefined> {
    if (jws === undefined) return undefined
    try {
      const registration = await documents.openAsOf(now(), (trust) => trust.verifyRegistration(jws))
      if (registration.agent.sub === agentId) return registration
      throw new HoldpointError('UNTRUSTED', `the registration is of ${registration.agent.sub}`)
    } catch (error) {
      log.warn('a registration does not count', { agentId, error })
      return undefined
    }
  }

  return {
    /** Never throws: of whom nothing can be read, nobody vouches for the environment. */
    async prepare(agentIds) {
      const isNew = [...agentIds].some((id) => AGENT_ID.test(id) && !registered.has(id))
      if (now() - readAtMs < (isNew ? LOOK_AGAIN_AFTER_MS : REFRESH_AFTER_MS)) return
      reading ??= read()
        .catch((error: unknown) => log.warn('the registrations cannot be read', { error }))
        .finally(() => {
          reading = undefined
        })
      await reading
    },
    of: (agentId) => registered.get(agentId)?.registration,
  }
}
