import {
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamInfo,
} from '@nats-io/jetstream'
import { FILES, readKeySet } from '#broker'
import {
  CHECKPOINT_STREAM,
  type ContinuedEntry,
  checkpointSubject,
  decodeEntry,
  ledgerStream,
  ledgerSubject,
  logOrigin,
} from '#contract'
import { createLedgerTail, createTree, type LedgerRecord, verifyCheckpoint } from '#ledger'
import { complaint, counted, type Finding, messageOf, ok } from './finding.ts'
import type { Scene } from './scene.ts'

/** Up to here the whole tree is computed again without being asked to: a second of work. */
const WHOLE_UP_TO = 20_000
const TAIL = 1_000
const READ_WITHIN_MS = 600_000
/** A broker signs every second. */
const UNSIGNED_FOR_MS = 60_000
const STREAM_NOT_FOUND = 10059

/** Each epoch of the ledger against its newest signed checkpoint, and a sealed one against what the next says of it. */
export async function checkLedger(scene: Scene): Promise<Finding[]> {
  if (!scene.home.has(FILES.keySet)) return []
  const manager = await jetstreamManager(await scene.reader(), { checkAPI: false })
  const findings: Finding[] = []
  for (const epoch of scene.epochs) {
    const info = await infoOf(manager, epoch)
    // Of those that were exported and dropped, `streams` tells.
    if (info || epoch === scene.epoch) findings.push(...(await lookAt(scene, manager, epoch, info)))
  }
  return findings
}

async function infoOf({ streams }: JetStreamManager, epoch: number): Promise<StreamInfo | undefined> {
  try {
    return await streams.info(ledgerStream(epoch))
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined
    throw error
  }
}

async function lookAt(
  scene: Scene,
  { streams }: JetStreamManager,
  epoch: number,
  info: StreamInfo | undefined,
): Promise<Finding[]> {
  const { home, now, deep } = scene
  const name = scene.epochs.length === 1 ? '' : `epoch ${epoch}: `
  const contradiction = (what: string): Finding => contradicting(name + what)
  const unsigned = (what: string): Finding => notSigned(name + what)
  if (!info) return [contradiction('its stream is not there')]

  const { last_seq } = info.state
  const note = await streams.getMessage(CHECKPOINT_STREAM, { last_by_subj: checkpointSubject(epoch) })
  const isWhole = deep || last_seq <= WHOLE_UP_TO
  const { origin, keys } = readKeySet(home, now())
  const signed = note ? open(note.string()) : undefined
  if (signed && 'check' in signed) return [signed]
  const read = await readEpoch(scene, epoch, isWhole ? 0 : last_seq - TAIL, signed?.size)
  if ('corruption' in read) return [contradiction(messageOf(read.corruption))]

  const { size, newest } = read
  const continued = await continuedAs(streams, epoch)
  if (continued && (continued.size !== size || (isWhole && continued.root !== read.root)))
    return [contradiction(`it is not as epoch ${epoch + 1} remembers it: ${continued.size} entries`)]
  if (signed === undefined) {
    if (size === 0) return [ok('ledger', `${name}no entry yet`)]
    return [unsigned(`${size} entries, and no checkpoint`)]
  }
  if (signed.size > size)
    return [contradiction(`the signed checkpoint is of ${signed.size} entries, and ${size} are there`)]
  if (isWhole && signed.size > 0 && !Buffer.from(signed.root).equals(Buffer.from(read.rootThen)))
    return [contradiction(`the root of its first ${signed.size} entries is another than the signed one`)]
  const findings = [
    isWhole
      ? ok(
          'ledger',
          `${name}${counted(size, 'entry', 'entries')}, and the signed root is that of the first ${signed.size}`,
        )
      : ({
          check: 'ledger',
          level: 'assumed',
          what: `${name}${size} entries, of which the newest ${TAIL} were read; the signed root was not computed again: --deep`,
        } satisfies Finding),
  ]
  const isLate = newest !== undefined && signed.size < size && now() - newest.entry.at > UNSIGNED_FOR_MS
  // What the next epoch says of it is signed there.
  return isLate && !continued
    ? [...findings, unsigned(`the newest ${size - signed.size} entries are not signed`)]
    : findings

  function open(text: string) {
    try {
      return verifyCheckpoint(text, { origin: logOrigin(origin, epoch), keys })
    } catch (error) {
      return contradiction(`its newest checkpoint: ${messageOf(error)}`)
    }
  }
}

interface Read {
  size: number
  newest: LedgerRecord | undefined
  /** Of all that was read. */
  root: string
  /** Of its first `signedSize` entries. */
  rootThen: Uint8Array
}

async function readEpoch(
  scene: Scene,
  epoch: number,
  fromIndex: number,
  signedSize: number | undefined,
): Promise<Read | { corruption: unknown }> {
  const tree = createTree()
  let newest: LedgerRecord | undefined
  let rootThen = tree.root()
  let corruption: unknown
  const tail = createLedgerTail(
    { epoch, fromIndex },
    {
      nc: await scene.reader(),
      onRecord: (record) => {
        newest = record
        tree.append(Buffer.from(record.leafHash, 'base64'))
        if (tree.size() === signedSize) rootThen = tree.root()
      },
      onCorrupt: (error) => {
        corruption = error
      },
    },
  )
  try {
    await tail.start()
    await tail.barrier(READ_WITHIN_MS)
  } catch (error) {
    corruption ??= error
  } finally {
    await tail.stop()
  }
  if (corruption !== undefined) return { corruption }
  return { size: tail.index(), newest, root: `sha-256:${Buffer.from(tree.root()).toString('hex')}`, rootThen }
}

/** How the next epoch says that this one ended. */
async function continuedAs(
  streams: JetStreamManager['streams'],
  epoch: number,
): Promise<ContinuedEntry | undefined> {
  const subject = ledgerSubject.continued(epoch + 1)
  const message = await streams
    .getMessage(ledgerStream(epoch + 1), { last_by_subj: subject })
    .catch(ifMissing)
  const entry = message ? decodeEntry(message.string()) : undefined
  return entry?.type === 'continued' ? entry : undefined
}

function ifMissing(error: unknown): undefined {
  if ((error as { code?: unknown }).code === STREAM_NOT_FOUND) return undefined
  throw error
}

const contradicting = (what: string): Finding =>
  complaint('ledger', {
    what,
    why: 'what it says has been changed after the fact, or was never said',
    mend: 'stop the brokers, keep the stream as it is, and compare it with the last export or backup',
  })

const notSigned = (what: string): Finding =>
  complaint('ledger', {
    level: 'warning',
    what,
    why: 'nobody vouches for these entries yet',
    mend: 'start a broker: it signs a checkpoint every second',
  })
