import { jetstreamManager, type StreamAPI } from '@nats-io/jetstream'
import { epochsOf, FILES, type Home, readOwn, readPin } from '#broker'
import {
  type Directory,
  type KeySet,
  type Registration,
  TRUST_STREAM,
  TRUST_SUBJECTS,
  trustSubject,
} from '#contract'
import { loadPolicy } from '#policy'
import { createTrust, type Trust } from '#warrant'
import { complaint, counted, type Finding, messageOf, ok, orOk } from './finding.ts'
import type { Scene } from './scene.ts'

const DAY_MS = 86_400_000
const SOON_MS = 30 * DAY_MS

/** What is signed: that it verifies from the pin, that it is the published one, and how long it is good for. */
export async function checkDocuments(scene: Scene): Promise<Finding[]> {
  const { home } = scene
  if (!home.has(FILES.pin) || !home.has(FILES.keySet))
    return [
      complaint('key set', {
        what: `${home.path(FILES.keySet)} is not there`,
        why: 'no process of this machine can verify anything',
        mend: 'holdpoint init, or copy trust/ from where the installation was made',
      }),
    ]
  const trust = createTrust({ pin: readPin(home) }, { now: scene.now })
  const keySet = keySetOf(scene, trust)
  if (keySet.level === 'fault') return [keySet]
  return [
    keySet,
    policyOf(scene, trust),
    ...directoryOf(scene, trust),
    ...registrationsOf(home, trust),
    ...(await publishedOf(scene)),
  ]
}

function keySetOf({ home, now }: Scene, trust: Trust): Finding {
  const why = 'when it expires, every gate holds everything, and no sign-in changes that'
  const mend =
    'holdpoint init with keys/organisation.seed in its place, then `holdpoint up` or policy publish'
  try {
    const { version, exp } = trust.adoptKeySet(home.read(FILES.keySet))
    return lasting('key set', `version ${version}`, exp * 1000 - now(), why, mend)
  } catch (error) {
    return complaint('key set', { what: messageOf(error), why, mend })
  }
}

function policyOf({ home, now }: Scene, trust: Trust): Finding {
  const why = 'when it expires, every gate holds everything'
  const mend = 'publish it again, also unchanged: holdpoint policy publish FILE'
  if (!home.has(FILES.policy))
    return complaint('policy', {
      level: 'warning',
      what: 'no policy has been signed in this folder',
      why,
      mend,
    })
  try {
    const { version, exp, source } = trust.verifyPolicy(home.read(FILES.policy))
    loadPolicy(source, version)
    return lasting('policy', `version ${version}`, exp * 1000 - now(), why, mend)
  } catch (error) {
    return complaint('policy', { what: messageOf(error), why, mend })
  }
}

function directoryOf({ home, now }: Scene, trust: Trust): Finding[] {
  if (!home.has(FILES.directory)) return []
  const why = 'once there is one, nobody may answer without a current one'
  const mend = 'publish it again: holdpoint directory publish FILE'
  try {
    const { version, exp } = trust.verifyDirectory(home.read(FILES.directory))
    return [lasting('directory', `version ${version}`, exp * 1000 - now(), why, mend)]
  } catch (error) {
    return [complaint('directory', { what: messageOf(error), why, mend })]
  }
}

function lasting(check: string, name: string, leftMs: number, why: string, mend: string): Finding {
  const days = Math.floor(leftMs / DAY_MS)
  if (leftMs > SOON_MS) return ok(check, `${name}, good for ${days} days`)
  const [level, what] =
    leftMs > 0
      ? (['warning', `${name} expires in ${days} days`] as const)
      : (['fault', `${name} has expired`] as const)
  return complaint(check, { level, what, why, mend })
}

function registrationsOf(home: Home, trust: Trust): Finding[] {
  const files = home.list(FILES.registrations).filter((file) => file.endsWith('.jws'))
  const complaints = files.flatMap((file) => {
    try {
      trust.verifyRegistration(home.read(`${FILES.registrations}/${file}`))
      return []
    } catch (error) {
      return complaint('registrations', {
        what: `${file}: ${messageOf(error)}`,
        why: 'the broker does not know this agent, and refuses all that it asks for',
        mend: `register it again: holdpoint agent add ${file.replace(/\.jws$/, '')} …`,
      })
    }
  })
  return orOk('registrations', complaints, counted(files.length, 'agent'))
}

/** What everybody else reads is what stands in the trust stream. */
async function publishedOf({ home, reader }: Scene): Promise<Finding[]> {
  const { streams } = await jetstreamManager(await reader(), { checkAPI: false })
  const { version } = readOwn<KeySet>(home, FILES.keySet)
  const ours = home.read(FILES.keySet)
  const published = await streams.getMessage(TRUST_STREAM, { last_by_subj: trustSubject.keySet(version) })
  const newer = await streams.getMessage(TRUST_STREAM, { last_by_subj: trustSubject.keySet(version + 1) })
  const complaints: Finding[] = []
  if (published?.string() !== ours && newer === null)
    complaints.push(
      complaint('published', {
        what: `key set ${version} of this folder is not what stands on ${trustSubject.keySet(version)}`,
        why: 'gates and brokers verify with the published one',
        mend: 'publish what is signed here: `holdpoint up`, or holdpoint policy publish FILE',
      }),
    )
  if (newer !== null)
    complaints.push(
      complaint('published', {
        level: 'warning',
        what: `key set ${version + 1} is published, and this folder has ${version}`,
        why: 'what is signed or verified with the old one may be refused',
        mend: 'copy trust/ from where the newer one was made',
      }),
    )
  complaints.push(...(await removedOf(home, streams)))
  return orOk('published', complaints, `key set ${version} stands on ${TRUST_SUBJECTS}`)
}

/** Whoever may write there can take a signed document away, or put an older one back, without any key of the house. */
async function removedOf(home: Home, streams: StreamAPI): Promise<Finding[]> {
  const agents = home.list(FILES.registrations).flatMap((file) => /^(.+)\.jws$/.exec(file)?.[1] ?? [])
  const signed = [
    ...(home.has(FILES.directory) ? [directoryHere(home)] : []),
    ...epochsOf(home)
      .slice(1)
      .map((epoch) => ({ name: `epoch ${epoch}`, subject: trustSubject.epoch(epoch), version: epoch })),
    ...agents.map((agentId) => ({
      name: `the registration of ${agentId}`,
      subject: trustSubject.registration(agentId),
      version: readOwn<Registration>(home, FILES.registration(agentId)).version,
    })),
  ]
  const found = await Promise.all(
    signed.map(async ({ name, subject, version }) => {
      const message = await streams.getMessage(TRUST_STREAM, { last_by_subj: subject })
      const there = message && versionOf(message.string())
      if (there !== null && there >= version) return []
      const what = there === null ? 'is not there' : `is version ${there}, and ${version} is signed here`
      return complaint('published', {
        what: `${name} (${subject}) ${what}`,
        why: 'a broker that starts now goes by what is published; without its newest directory nobody may answer',
        mend: 'publish it again (holdpoint directory publish FILE, holdpoint agent add …), and find out who has removed it',
      })
    }),
  )
  return found.flat()
}

function directoryHere(home: Home): { name: string; subject: string; version: number } {
  const { version } = readOwn<Directory>(home, FILES.directory)
  return { name: `directory ${version}`, subject: trustSubject.directory(version), version }
}

/** As it says of itself: whether that is true, whoever goes by it verifies. */
function versionOf(jws: string): number {
  try {
    return Number(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')).version)
  } catch {
    return Number.NaN
  }
}
