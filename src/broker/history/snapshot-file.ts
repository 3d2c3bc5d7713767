import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HoldpointError, type JsonValue } from '#contract'

/** Its bytes are written so many at a time: between two writes others have their turn. */
const CHUNK_BYTES = 65_536
const NEWLINE = 0x0a

/** Under a key of its own, derived from the broker's secret: nobody else makes one that we read. */
export const snapshotKey = (secret: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, '', 'holdpoint broker snapshot v1', 32))

/** Lines of JSON, and an HMAC-SHA-256 over all of them as the last. The file is the old one or the new one, never half. */
export async function writeSnapshot(
  file: string,
  key: Uint8Array,
  lines: Iterable<JsonValue>,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}.new`
  const handle = await open(draft, 'w', 0o600)
  try {
    await writeLines(handle, key, lines)
    await handle.sync()
    await handle.close()
    await rename(draft, file)
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  }
}

async function writeLines(handle: FileHandle, key: Uint8Array, lines: Iterable<JsonValue>): Promise<void> {
  const mac = createHmac('sha256', key)
  let chunk = ''
  const flush = async (): Promise<void> => {
    mac.update(chunk)
    await handle.write(chunk)
    chunk = ''
  }
  for (const line of lines) {
    chunk += `${JSON.stringify(line)}\n`
    if (chunk.length >= CHUNK_BYTES) await flush()
  }
  await flush()
  await handle.write(`${mac.digest('hex')}\n`)
}

/** Undefined where there is none. Throws LEDGER_CORRUPT for one that is not as we wrote it. */
export async function readSnapshot(file: string, key: Uint8Array): Promise<Generator<JsonValue> | undefined> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new HoldpointError('LEDGER_CORRUPT', 'it cannot be read', { cause: error })
  })
  if (bytes === undefined) return undefined
  const end = bytes.lastIndexOf(NEWLINE, -2) + 1
  const given = Buffer.from(bytes.subarray(end, -1).toString('latin1'), 'hex')
  const mac = createHmac('sha256', key).update(bytes.subarray(0, end)).digest()
  if (given.length !== mac.length || !timingSafeEqual(given, mac))
    throw new HoldpointError('LEDGER_CORRUPT', 'it is not as this installation’s broker wrote it')
  return linesOf(bytes.subarray(0, end))
}

/** Authenticated, and so JSON as we wrote it. */
function* linesOf(bytes: Buffer): Generator<JsonValue> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, from)
    yield JSON.parse(bytes.toString('utf8', from, end)) as JsonValue
    from = end + 1
  }
}
