import { HoldpointError, literal, object, parse, parseJson, type Shape, type Typ, text } from '#contract'
import { decodeBase64url, type VerifyKey } from './key.ts'

/**
 * Opens a compact JWS (RFC 7515, 7.1) from an untrusted sender and returns its payload once the signature stands.
 * The algorithm is ours to name and not the header's (RFC 8725, 3.1), and so is the type (3.11).
 * Throws UNTRUSTED.
 */
export function openJws<T>(
  jws: string,
  { typ, findKey, shape }: { typ: Typ; findKey: (kid: string) => VerifyKey | undefined; shape: Shape<T> },
): T {
  const { header, payload, signature, signed } = split(jws, typ)
  const { kid } = read(headerShape(typ), header, `${typ} header`)
  const key = findKey(kid)
  if (key === undefined) throw untrusted(`${typ}: no key with kid ${JSON.stringify(kid)} may sign it`)
  // Nothing of the payload is looked at before this: an unsigned claim must not even choose our error.
  if (!key.verify(signed, signature)) throw untrusted(`${typ}: the signature is wrong`)
  return read(shape, payload, typ)
}

function split(jws: unknown, typ: Typ): Record<'header' | 'payload' | 'signature' | 'signed', Buffer> {
  const parts = typeof jws === 'string' ? jws.split('.', 4) : []
  const [header, payload, signature] = parts.map(decodeBase64url)
  if (parts.length !== 3 || !header || !payload || !signature)
    throw untrusted(`${typ}: expected a compact JWS, three parts in unpadded base64url`)
  return { header, payload, signature, signed: Buffer.from(`${parts[0]}.${parts[1]}`, 'latin1') }
}

/** Anything beside these three (`jwk`, `jku`, `x5u`, `crit`, `b64`…) would be the sender's say in how we verify. */
const headerShape = (typ: Typ): Shape<{ alg: 'EdDSA'; typ: Typ; kid: string }> =>
  object({ alg: literal('EdDSA'), typ: literal(typ), kid: text({ min: 1, max: 100 }) })

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function read<T>(shape: Shape<T>, bytes: Uint8Array, place: string): T {
  try {
    return parse(shape, parseJson(utf8.decode(bytes)), place)
  } catch (cause) {
    throw untrusted(`${place}: ${(cause as Error).message}`, cause)
  }
}

export const untrusted = (message: string, cause?: unknown): HoldpointError =>
  new HoldpointError('UNTRUSTED', message, { cause })
