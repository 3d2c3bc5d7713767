import { hostname } from 'node:os'
import { relative, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  describeChange,
  FILES,
  type Home,
  openHome,
  POLICY_AGENT,
  POLICY_APPLY,
  type PolicyChange,
  publishNextPolicy,
  readKeySet,
  readPin,
  readPolicy,
} from '#broker'
import {
  type Approvals,
  digestBytes,
  HoldpointError,
  type PolicyReply,
  type RequestState,
  type RequestSummary,
  visible,
} from '#contract'
import { createDesk, type Desk } from '#desk'
import { createGate } from '#gate'
import { readSession } from '#identity'
import { checkPolicy, loadPolicy, parsePolicy } from '#policy'
import { type Command, defineCommand, type Io, readConfig, requireRunning } from '#runtime'
import { createConnection } from './connection.ts'
import { VERSION } from './version.ts'

export const policyApplyCommand: Command = defineCommand({
  name: 'policy apply',
  summary: 'Change the policy: people see the difference and release it, then it is signed and published',
  details:
    'Runs where the policy key is, as the person who is signed in (`holdpoint login`), who can never release it.\n' +
    'Waits for the people whom the policy in force names under duties.policy. Ctrl-C takes the request back.',
  example: 'holdpoint policy apply policy.yaml',
  positionals: [{ name: 'FILE', description: 'The policy as it is to be, a YAML file' }],
  options: { json: { type: 'boolean', description: 'One JSON object on the last line of standard output' } },
  async run({ options, positionals: [file = ''] }, io) {
    const config = readConfig(io)
    const home = openHome(config.dataDir)
    const source = readChecked(file, io)
    const token = await readSession(io, config.dataDir)
    const url = config.nats.url ?? requireRunning(config.dataDir).nats.url
    const deskConnection = createConnection('desk', home, url)
    await deskConnection.start()
    try {
      const desk = createDesk({ nc: deskConnection.nc() })
      const inForce = await desk.policy(token)
      if (inForce.hash === digestBytes(source)) {
        io.stderr.write(`policy ${inForce.version} is this very text: nothing changes\n`)
        if (options.json) io.stdout.write(`${JSON.stringify({ version: inForce.version, changed: false })}\n`)
        return 0
      }
      const change = describeChange(inForce, source)
      const show = options.json ? io.stderr : io.stdout
      show.write(`${visible(change.diff)}\n`)
      const parts: Parts = { desk, home, url, token, source, inForce, change, io }
      const released = await releasedBefore(parts)
      if (released)
        io.stderr.write(`${released} was released before, and not published: nobody is asked again\n`)
      const applied = released ? await carryOut(parts, released, change) : await ask(parts)
      const text = `policy ${applied.version} is in force, released by ${applied.releasedBy.map(({ name }) => name).join(' and ')} (${applied.requestId})\n`
      io.stdout.write(options.json ? `${JSON.stringify({ ...applied, changed: true })}\n` : text)
      return 0
    } finally {
      await deskConnection.stop()
    }
  },
})

/** Throws INVALID_POLICY with every line and column; what its author should know goes to standard error. */
function readChecked(file: string, io: Io): string {
  const path = resolve(io.cwd, file)
  const source = readPolicy(path)
  const name = relative(io.cwd, path)
  for (const { line, column, level, message } of checkPolicy(parsePolicy(source, name)))
    io.stderr.write(`${name}:${line}:${column}: ${level}: ${message}\n`)
  return source
}

interface Parts {
  desk: Desk
  home: Home
  url: string
  token: string
  source: string
  inForce: PolicyReply
  change: PolicyChange
  io: Io
}

interface Applied {
  version: number
  hash: string
  fromVersion: number
  requestId: string
  releasedBy: { iss: string; sub: string; name: string }[]
}

/** Newest first: beyond these somebody would remember. */
const LOOK_BACK = 20
/** Consumed, and perhaps not carried out. */
const USED: readonly string[] = ['consumed', 'failed', 'ambiguous'] satisfies RequestState[]

/**
 * The request that has released this very change and was used by a process that then died. Whether it has, the broker
 * proves from its own ledger before it adopts anything: here it is only found.
 */
async function releasedBefore({ desk, token, change }: Parts): Promise<string | undefined> {
  const { requests } = await desk.list(token, { state: 'decided', agent: POLICY_AGENT, limit: LOOK_BACK })
  for (const { requestId, state, agentId } of requests) {
    if (agentId !== POLICY_AGENT || !USED.includes(state)) continue
    const shown = await desk.show(token, requestId).catch(ifErased)
    const { fromHash, fromVersion, toHash } = (shown?.card.action.arguments ?? {}) as Partial<PolicyChange>
    if (fromVersion === change.fromVersion && fromHash === change.fromHash && toHash === change.toHash)
      return requestId
  }
  return undefined
}

function ifErased(error: unknown): undefined {
  if (!(error instanceof HoldpointError && error.code === 'ERASED')) throw error
}

/** Asks through a gate, like any agent; the change is carried out only with the approval spent. */
async function ask(parts: Parts): Promise<Applied> {
  const { home, url, token, inForce, change, io } = parts
  const gate = createGate(
    {
      natsUrl: url,
      credentials: home.read(FILES.agentCredentials(POLICY_AGENT)),
      agentId: POLICY_AGENT,
      pin: readPin(home),
      serviceName: 'holdpoint',
      serviceVersion: VERSION,
      host: hostname(),
    },
    { now: io.now },
  )
  await gate.start()
  const waiting = new AbortController()
  try {
    const answer = await gate.ask({
      ...POLICY_APPLY,
      target: readKeySet(home, io.now()).origin,
      arguments: change,
      onBehalfOf: [token],
      signal: io.signal,
      onHeld: (request) => void tellProgress(parts, request, waiting.signal),
    })
    waiting.abort()
    if (!answer.permitted) throw refused(answer.refusal)
    return await answer.run((approved) =>
      carryOut(parts, answer.requestId, approved as unknown as PolicyChange),
    )
  } finally {
    waiting.abort()
    await gate.stop()
  }

  function refused({
    code,
    reason,
    requestId,
  }: {
    code: HoldpointError['code']
    reason: string
    requestId?: string
  }) {
    const where = requestId === undefined ? '' : ` (${requestId})`
    return new HoldpointError(code, `policy ${inForce.version} stays in force: ${reason}${where}`)
  }
}

async function carryOut(
  { desk, home, url, token, source, inForce, io }: Parts,
  requestId: string | undefined,
  approved: PolicyChange,
): Promise<Applied> {
  // Only people release a change: a permit without their request would be a gate that asked nobody.
  if (requestId === undefined || approved.toHash !== digestBytes(source))
    throw new HoldpointError('WARRANT_MISMATCH', 'what was approved is not this change')
  const admin = createConnection('admin', home, url)
  await admin.start()
  try {
    const next = { source, version: inForce.version + 1, release: requestId }
    const { version } = await publishNextPolicy(admin.nc(), home, next, io.now())
    const { timeline } = await desk.show(token, requestId)
    const people = timeline.find(({ type }) => type === 'decided')?.people ?? []
    const releasedBy = people.map(({ iss, sub, name }) => ({ iss, sub, name }))
    return { version, hash: approved.toHash, fromVersion: inForce.version, requestId, releasedBy }
  } finally {
    await admin.stop()
  }
}

const TELL_EVERY_MS = 60_000

/** Who may release it, what they have said so far, and how long is left. Losing all of it would change nothing. */
async function tellProgress(
  { desk, inForce, io }: Parts,
  { requestId, expiresAtMs }: { requestId: string; expiresAtMs: number },
  signal: AbortSignal,
): Promise<void> {
  const say = (text: string): void => void io.stderr.write(`${text}\n`)
  const { approvals } = loadPolicy(inForce.source, inForce.version).duties.policy
  say(`${requestId}: waits for ${wanted(approvals)}. Ctrl-C takes it back.`)
  const stop = desk.watch((event, request) => {
    if (request.requestId !== requestId) return
    if (event === 'reviewed') say(`  ${reviewsOf(request)}`)
    if (event === 'escalated') say('  others may answer now, too')
  })
  try {
    while (!signal.aborted) {
      say(`  ${minutes(expiresAtMs - io.now())} left`)
      await setTimeout(TELL_EVERY_MS, undefined, { signal, ref: false })
    }
  } catch {
    // It has been decided.
  } finally {
    stop()
  }
}

const wanted = ({ from, threshold, all, assurance }: Approvals): string => {
  const parts = all ?? [{ from, threshold }]
  return `${parts.map((part) => `${part.threshold} of ${part.from.join(', ')}`).join(' and ')} (${assurance})`
}

const reviewsOf = ({ reviews }: RequestSummary): string =>
  reviews.map(({ name, verdict }) => `${visible(name)}: ${verdict}`).join(', ')

const minutes = (ms: number): string => `${Math.max(1, Math.round(ms / 60_000))} min`
