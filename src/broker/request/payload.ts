import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { type JetStreamManager, jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  canonicalize,
  digestBytes,
  digestHex,
  HoldpointError,
  type JsonValue,
  PAYLOAD_KEY_STREAM,
  PAYLOAD_STREAM,
  payloadKeySubject,
  payloadSubject,
} from '#contract'

/** Arguments, cards and reasons: all that a ledger must not hold, because it can never forget. */
export interface Payloads {
  /** Opens a request's payload with its first part. Returns what counts: ours, or that of a replica that was first. */
  create(requestId: string, part: string, value: JsonValue): Promise<JsonValue>
  /** Adds a part, once. Throws ERASED where the payload has been erased. */
  add(requestId: string, part: string, value: JsonValue): Promise<JsonValue>
  /** Undefined where nothing was put, or the payload has been erased. */
  get(requestId: string, part: string): Promise<JsonValue | undefined>
  /**
   * Deletes the key: no part can be opened by anybody from then on. Repeating it changes nothing. Throws
   * LEDGER_UNAVAILABLE, retryable, where the server does not say that it is gone.
   */
  erase(requestId: string): Promise<void>
}

/**
 * AES-256-GCM under a key of each request's own, which is itself kept sealed under the broker's secret.
 * Erasing that one key erases every part of the request's payload.
 */
export function createPayloads(secret: Uint8Array, deps: { nc: NatsConnection }): Payloads {
  const js = jetstream(deps.nc)
  const wrapping = new Uint8Array(hkdfSync('sha256', secret, '', 'holdpoint payload keys v1', 32))
  let manager: Promise<JetStreamManager> | undefined

  async function create(requestId: string, part: string, value: JsonValue): Promise<JsonValue> {
    const key = randomBytes(32)
    const keySubject = payloadKeySubject(requestId)
    const sealedKey = seal(wrapping, key.toString('base64'), keySubject)
    // Side by side, one synced write's time: a part names the key that seals it, so where a replica's key
    // was first, what was written under ours is nobody's.
    const [ours] = await Promise.all([
      writeOnce(PAYLOAD_KEY_STREAM, keySubject, sealedKey),
      write(requestId, part, value, key),
    ])
    return ours ? value : add(requestId, part, value)
  }

  async function add(requestId: string, part: string, value: JsonValue): Promise<JsonValue> {
    const key = await readKey(requestId)
    if (!key) throw new HoldpointError('ERASED', `what ${requestId} was about has been erased`)
    if (await write(requestId, part, value, key)) return value
    return (await get(requestId, part)) ?? value
  }

  function write(requestId: string, part: string, value: JsonValue, key: Uint8Array): Promise<boolean> {
    const subject = subjectOf(requestId, part, key)
    const sealed = seal(key, canonicalize(value), subject)
    const mostBytes = deps.nc.info?.max_payload ?? Number.POSITIVE_INFINITY
    // Action and card are two copies, and a server that is not ours may take less than ours does.
    if (sealed.length > mostBytes - HEADERS)
      throw new HoldpointError(
        'PAYLOAD_TOO_LARGE',
        `the payload has ${sealed.length} bytes when it is sealed, and NATS takes at most ${mostBytes}`,
      )
    return writeOnce(PAYLOAD_STREAM, subject, sealed)
  }

  async function get(requestId: string, part: string): Promise<JsonValue | undefined> {
    const key = await readKey(requestId)
    const subject = key && subjectOf(requestId, part, key)
    const sealed = subject && (await read(PAYLOAD_STREAM, subject))
    // Canonical, and authenticated under our own key: nothing in it is read in two ways.
    return key && sealed ? JSON.parse(open(key, sealed, subject)) : undefined
  }

  async function readKey(requestId: string): Promise<Uint8Array | undefined> {
    const subject = payloadKeySubject(requestId)
    const sealed = await read(PAYLOAD_KEY_STREAM, subject)
    return sealed && Buffer.from(open(wrapping, sealed, subject), 'base64')
  }

  /** True when these bytes are in the stream, whether through this write or one whose answer was lost. */
  async function writeOnce(streamName: string, subject: string, bytes: Uint8Array): Promise<boolean> {
    try {
      const ack = await js.publish(subject, bytes, { expect: { streamName, lastSubjectSequence: 0 } })
      if (!ack.duplicate) return true
    } catch {
      // Taken, or unknown: what is there decides.
    }
    const present = await read(streamName, subject)
    if (!present)
      throw new HoldpointError('LEDGER_UNAVAILABLE', 'the payload cannot be written', { retryable: true })
    return Buffer.compare(present, bytes) === 0
  }

  async function read(stream: string, subject: string): Promise<Uint8Array | undefined> {
    return (await find(stream, subject))?.data
  }

  async function find(stream: string, subject: string): Promise<StoredMsg | undefined> {
    manager ??= jetstreamManager(deps.nc, { checkAPI: false })
    const message = await (await manager).streams.getMessage(stream, { last_by_subj: subject })
    return message ?? undefined
  }

  async function erase(requestId: string): Promise<void> {
    const subject = payloadKeySubject(requestId)
    let cause: unknown
    try {
      const key = await find(PAYLOAD_KEY_STREAM, subject)
      if (!key) return
      // Overwritten on disk, not only forgotten. Another replica may have been quicker.
      await (await manager)?.streams
        .deleteMessage(PAYLOAD_KEY_STREAM, key.seq, true)
        .catch((error: unknown) => {
          cause = error
        })
      if (!(await find(PAYLOAD_KEY_STREAM, subject))) return
    } catch (error) {
      cause = error
    }
    throw new HoldpointError('LEDGER_UNAVAILABLE', `the key of ${requestId} cannot be deleted now`, {
      cause,
      retryable: true,
    })
  }

  return { create, add, get, erase }
}

const subjectOf = (requestId: string, part: string, key: Uint8Array): string =>
  payloadSubject(requestId, `${part}.${digestHex(digestBytes(key)).slice(0, 16)}`)

/** Room for what a publish adds to the message. */
const HEADERS = 1_000

const IV = 12
const TAG = 16

/** The subject is authenticated with the content: a payload moved to another request does not open. */
function seal(key: Uint8Array, text: string, subject: string): Uint8Array {
  const iv = randomBytes(IV)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(subject))
  const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), content])
}

function open(key: Uint8Array, sealed: Uint8Array, subject: string): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV))
      .setAAD(Buffer.from(subject))
      .setAuthTag(sealed.subarray(IV, IV + TAG))
    return Buffer.concat([decipher.update(sealed.subarray(IV + TAG)), decipher.final()]).toString('utf8')
  } catch (cause) {
    throw new HoldpointError('LEDGER_CORRUPT', `the payload at ${subject} does not open`, { cause })
  }
}
