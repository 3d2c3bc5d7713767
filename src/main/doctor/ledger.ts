import { jetstreamManager } from '@nats-io/jetstream'
import { FILES, readKeySet } from '#broker'
import { CHECKPOINT_STREAM, checkpointSubject, ledgerStream } from '#contract'
import { createLedgerTail, createTree, type LedgerRecord, verifyCheckpoint } from '#ledger'
import { complaint, type Finding, messageOf, ok } from './finding.ts'
import type { Scene } from './scene.ts'

/** Up to here the whole tree is computed again without being asked to: a second of work. */
const WHOLE_UP_TO = 20_000
const TAIL = 1_000
const READ_WITHIN_MS = 600_000
/** A broker signs every second. */
const UNSIGNED_FOR_MS = 60_000

/** The ledger against its newest signed checkpoint. */
export async function checkLedger(scene: Scene): Promise<Finding[]> {
  const { home, epoch, now, deep } = scene
  if (!home.has(FILES.keySet)) return []
  const nc = await scene.reader()
  const { streams } = await jetstreamManager(nc, { checkAPI: false })
  const { state } = await streams.info(ledgerStream(epoch))
  const note = await streams.getMessage(CHECKPOINT_STREAM, { last_by_subj: checkpointSubject(epoch) })
  const isWhole = deep || state.last_seq <= WHOLE_UP_TO
  const fromIndex = isWhole ? 0 : state.last_seq - TAIL

  const tree = createTree()
  let newest: LedgerRecord | undefined
  const { origin, keys } = readKeySet(home, now())
  const signed = note ? open(note.string()) : undefined
  if (signed && 'check' in signed) return [signed]
  let rootThen = tree.root()
  let corruption: unknown
  const tail = createLedgerTail(
    { epoch, fromIndex },
    {
      nc,
      onRecord: (record) => {
        newest = record
        tree.append(Buffer.from(record.leafHash, 'base64'))
        if (tree.size() === signed?.size) rootThen = tree.root()
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
  if (corruption !== undefined) return [contradiction(messageOf(corruption))]

  const size = tail.index()
  if (signed === undefined) {
    if (size === 0) return [ok('ledger', 'no entry yet')]
    return [unsigned(`${size} entries, and no checkpoint`)]
  }
  if (signed.size > size)
    return [contradiction(`the signed checkpoint is of ${signed.size} entries, and ${size} are there`)]
  if (isWhole && signed.size > 0 && !Buffer.from(signed.root).equals(Buffer.from(rootThen)))
    return [contradiction(`the root of its first ${signed.size} entries is another than the signed one`)]
  const findings = [
    isWhole
      ? ok('ledger', `${size} entries, and the signed root of ${signed.size} is theirs`)
      : ({
          check: 'ledger',
          level: 'assumed',
          what: `${size} entries, of which the newest ${TAIL} were read; the signed root was not computed again: --deep`,
        } satisfies Finding),
  ]
  const isLate = newest !== undefined && signed.size < size && now() - newest.entry.at > UNSIGNED_FOR_MS
  return isLate
    ? [...findings, unsigned(`the newest ${size - signed.size} entries are not signed`)]
    : findings

  function open(text: string) {
    try {
      return verifyCheckpoint(text, { origin, keys })
    } catch (error) {
      return contradiction(`its newest checkpoint: ${messageOf(error)}`)
    }
  }
}

const contradiction = (what: string): Finding =>
  complaint('ledger', {
    what,
    why: 'what it says has been changed after the fact, or was never said',
    mend: 'stop the brokers, keep the stream as it is, and compare it with the last export or backup',
  })

const unsigned = (what: string): Finding =>
  complaint('ledger', {
    level: 'warning',
    what,
    why: 'nobody vouches for these entries yet',
    mend: 'start a broker: it signs a checkpoint every second',
  })
