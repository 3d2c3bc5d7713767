import { versionRefusal } from '#runtime'
import { complaint, type Finding, ok } from './finding.ts'
import type { Scene } from './scene.ts'
import type { Server, ServerFacts } from './servers.ts'

/** A payload of 1 MB, sealed and in base64, in its envelope. */
const LEAST_MESSAGE_BYTES = 2_000_000
const NEARLY_FULL = 0.8
const CLOCK_WARNING_MS = 1_000
const CLOCK_FAULT_MS = 30_000

/** The servers: their version, whether they keep what they acknowledge, and for how long there is room. */
export async function checkNats(scene: Scene): Promise<Finding[]> {
  const found = await scene.servers()
  if (!found.read) return unread(scene, found.reason)
  const { servers } = found
  return [
    ...servers.flatMap(({ facts }) => [versionOf(scene, facts), syncOf(scene, facts), ...storageOf(facts)]),
    ...clusterOf(scene, servers),
    ...servers.map((server) => clockOf('nats clock', nameOf(server.facts), server.skewMs)),
  ]
}

async function unread(scene: Scene, reason: string): Promise<Finding[]> {
  const why = `the servers' settings cannot be read (${reason})`
  const role = scene.roles().find((one) => one !== 'doctor')
  const version = role && (await scene.connect(role)).info?.version
  return [
    version
      ? versionOf(scene, { server_name: 'this one', version })
      : scene.unreadable('nats version', 'version', why),
    scene.unreadable('nats sync', 'sync_always', why),
    scene.unreadable('nats storage', 'storage', why),
    scene.unreadable('nats cluster', 'cluster', why),
    scene.unreadable('nats clock', 'clock', why),
  ]
}

const nameOf = ({ server_name }: Pick<ServerFacts, 'server_name'>): string => `server ${server_name}`

function versionOf(
  { isDevelopment, config }: Scene,
  facts: Pick<ServerFacts, 'server_name' | 'version'>,
): Finding {
  const refusal = versionRefusal(facts.version)
  if (refusal === undefined) return ok('nats version', `${nameOf(facts)}: ${facts.version}`)
  if (config.nats.assumed.includes('version'))
    return {
      check: 'nats version',
      level: 'assumed',
      what: `${nameOf(facts)}: ${facts.version}; nats.assumed states that it is patched`,
    }
  return complaint('nats version', {
    level: isDevelopment ? 'warning' : 'fault',
    what: `${nameOf(facts)}: ${refusal}`,
    why: 'decisions may be lost, doubled or forged past the permissions; the broker refuses to start on it',
    mend: 'run nats-server 2.15.1 or newer; a demo may go on',
  })
}

function syncOf({ isDevelopment }: Scene, facts: ServerFacts): Finding {
  const { sync_always, sync_interval = 0 } = facts.jetstream?.config ?? {}
  if (sync_always === true)
    return ok('nats sync', `${nameOf(facts)}: every write is on disk before it is acknowledged`)
  const isTooOld = Number(facts.version.split('.')[1]) < 10 && facts.version.startsWith('2.')
  return complaint('nats sync', {
    level: isDevelopment && isTooOld ? 'warning' : 'fault',
    what: `${nameOf(facts)}: sync_interval is ${sync_interval / 1e9} s, expected always`,
    why: 'a power cut loses decisions that were acknowledged, with every approval of the last minutes',
    mend: isTooOld
      ? 'this server does not know it: run 2.15.1 or newer'
      : 'jetstream { sync_interval: always } on every server, and restart it',
  })
}

function storageOf(facts: ServerFacts): Finding[] {
  const name = nameOf(facts)
  const { max_storage = 0 } = facts.jetstream?.config ?? {}
  const { storage = 0 } = facts.jetstream?.stats ?? {}
  const findings: Finding[] = []
  if (max_storage > 0 && storage > NEARLY_FULL * max_storage)
    findings.push(
      complaint('nats storage', {
        level: 'warning',
        what: `${name}: ${sizeText(storage)} of ${sizeText(max_storage)} are used`,
        why: 'a ledger that cannot grow refuses every action that is held',
        mend: 'more disk and a larger jetstream.max_file_store, or seal the epoch and export it',
      }),
    )
  if (max_storage === 0)
    findings.push(
      complaint('nats storage', {
        what: `${name}: JetStream has no room on disk`,
        why: 'no entry of the ledger can be kept there',
        mend: 'jetstream { max_file_store: … } or enable JetStream',
      }),
    )
  if (facts.max_payload < LEAST_MESSAGE_BYTES)
    findings.push(
      complaint('nats storage', {
        level: 'warning',
        what: `${name}: max_payload is ${facts.max_payload} bytes, expected ${LEAST_MESSAGE_BYTES} or more`,
        why: 'actions with large arguments cannot be asked for, and are refused',
        mend: 'max_payload: 8MB',
      }),
    )
  return findings.length > 0
    ? findings
    : [ok('nats storage', `${name}: ${sizeText(storage)} of ${sizeText(max_storage)} are used`)]
}

/** As disks are sold: in thousands. */
function sizeText(bytes: number): string {
  const [unit, size] = SIZES.find(([, least]) => bytes >= least) ?? ['bytes', 1]
  return `${size === 1 ? bytes : (bytes / size).toFixed(1)} ${unit}`
}

const SIZES = [
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
] as const

function clusterOf({ isDevelopment, config }: Scene, servers: readonly Server[]): Finding[] {
  const keeping = servers.filter(({ facts }) => (facts.jetstream?.config?.max_storage ?? 0) > 0)
  const size = Math.max(1, ...keeping.map(({ facts }) => facts.jetstream?.meta?.cluster_size ?? 1))
  if (keeping.length < size)
    return [
      complaint('nats cluster', {
        what: `${keeping.length} of ${size} servers answer`,
        why: 'with one more away nothing can be written, and so everything that is held stays held',
        mend: 'look at the servers that are missing; every one of them is checked here',
      }),
    ]
  if (size < config.nats.replicas)
    return [
      complaint('nats cluster', {
        what: `${size} servers, and nats.replicas is ${config.nats.replicas}`,
        why: 'the streams cannot be kept so often; the broker refuses to start',
        mend: 'add servers, or lower nats.replicas',
      }),
    ]
  if (size >= 3 && config.nats.replicas < 3)
    return [
      complaint('nats cluster', {
        what: `${size} servers, and nats.replicas is ${config.nats.replicas}`,
        why: 'each entry may stand on a single one of them, whose disk is then the whole ledger',
        mend: 'nats.replicas: 3, and the same for every stream',
      }),
    ]
  if (size < 3 && !isDevelopment)
    return [
      complaint('nats cluster', {
        level: 'warning',
        what: `${size === 1 ? 'one server' : `${size} servers`}`,
        why: 'while it is away nothing is decided, and its disk is the whole ledger',
        mend: 'three servers, and nats.replicas: 3',
      }),
    ]
  return [
    ok('nats cluster', size === 1 ? 'one server, for development' : `${size} servers, all of them answer`),
  ]
}

/** What our clock and theirs differ by; shared by all who have a clock. */
export function clockOf(check: string, whose: string, skewMs: number): Finding {
  const offMs = Math.abs(skewMs)
  const what = `${whose}: ${(offMs / 1000).toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} this machine`
  if (offMs <= CLOCK_WARNING_MS) return ok(check, `${whose}: the same time as here`)
  return complaint(check, {
    level: offMs > CLOCK_FAULT_MS ? 'fault' : 'warning',
    what,
    why: 'approvals expire by the clock: with a wrong one they end too early, or tokens and warrants are refused',
    mend: 'time synchronisation (chrony, systemd-timesyncd) on both machines',
  })
}
