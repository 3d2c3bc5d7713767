import { HoldpointError } from '#contract'
import { type Envelope, isSigned } from './secret.ts'

/** A message whose sender has the secret. */
export type Signed = Envelope & { body: string }

const TOLERANCE_S = 5 * 60

/** Throws BAD_SIGNATURE, in the same words whatever is wrong, until the signature is known to be good. */
export async function readSigned(request: Request, secret: string, nowMs: number): Promise<Signed> {
  const id = request.headers.get('webhook-id') ?? ''
  const written = request.headers.get('webhook-timestamp') ?? ''
  const signatures = request.headers.get('webhook-signature') ?? ''
  const body = await readText(request)
  // A dot parts id, time and body in what is signed: one in the id would let them be parted otherwise.
  const isReadable = /^[!-\-/-~]{1,200}$/.test(id) && /^[1-9]\d{0,11}$/.test(written)
  const envelope = { id, timestamp: Number(written) }
  if (!isReadable || !isSigned(secret, envelope, body, signatures)) throw unverifiable()
  if (Math.abs(nowMs / 1000 - envelope.timestamp) > TOLERANCE_S)
    throw new HoldpointError(
      'BAD_SIGNATURE',
      `webhook-timestamp is ${written}, expected within ${TOLERANCE_S} s of ${Math.floor(nowMs / 1000)}`,
    )
  return { ...envelope, body }
}

export const unverifiable = (): HoldpointError =>
  new HoldpointError('BAD_SIGNATURE', 'no endpoint of this name has signed this message')

/** Bytes that are no text would be another text to the one who signed them. */
async function readText(request: Request): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await request.arrayBuffer())
  } catch (cause) {
    if (cause instanceof TypeError) throw unverifiable()
    throw cause
  }
}
