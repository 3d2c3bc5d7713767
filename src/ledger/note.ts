import { createPublicKey, hash, verify } from 'node:crypto'
import { HoldpointError, type TrustedKey } from '#contract'
import { fromBase64, toBase64 } from './hash.ts'

/** C2SP signed-note: a text, an empty line, and a line for each signature. */
export interface NoteSigner {
  /** Of the key, as the signature line shows it: without spaces or `+`. For a checkpoint, its origin. */
  name: string
  /** The public key, base64url. */
  x: string
  sign(bytes: Uint8Array | string): Uint8Array
}

/** Throws INVALID_INPUT for a text that is no note's text, or a name that no key may have. */
export function signNote(text: string, signer: NoteSigner): string {
  if (!TEXT.test(text))
    throw new HoldpointError('INVALID_INPUT', 'note: expected lines, each ended, without controls')
  if (!NAME.test(signer.name))
    throw new HoldpointError(
      'INVALID_INPUT',
      `note: key name ${JSON.stringify(signer.name)}, expected no spaces or +`,
    )
  const signature = Buffer.concat([keyHash(signer.name, signer.x), signer.sign(text)])
  return `${text}\n— ${signer.name} ${toBase64(signature)}\n`
}

/**
 * Returns the text when at least one of `keys`, under the name `name`, has signed it and none of them has signed it
 * wrongly; signatures of strangers (witnesses, say) are passed over, as C2SP asks.
 * Throws LEDGER_CORRUPT when it is no note, UNTRUSTED when it is not signed by us.
 */
export function openNote(
  note: string,
  { name, keys }: { name: string; keys: readonly TrustedKey[] },
): string {
  const end = note.lastIndexOf('\n\n')
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2)
  if (end < 0 || !TEXT.test(text) || !lines.endsWith('\n'))
    throw malformed('expected a text, an empty line, signatures')
  const signatures = lines.slice(0, -1).split('\n').map(readSignature)

  let signed = false
  for (const { x } of keys) {
    const expected = keyHash(name, x)
    for (const signature of signatures) {
      if (signature.name !== name || !expected.equals(signature.keyHash)) continue
      if (!verifyText(text, x, signature.bytes)) throw untrusted(`the signature of ${name} is wrong`)
      signed = true
    }
  }
  if (!signed) throw untrusted(`no ledger key of ${name} has signed it`)
  return text
}

function readSignature(line: string): { name: string; keyHash: Uint8Array; bytes: Uint8Array } {
  const [dash, name = '', encoded = '', ...more] = line.split(' ')
  const decoded = fromBase64(encoded)
  if (dash !== '—' || !NAME.test(name) || !decoded || decoded.length < 5 || more.length > 0)
    throw malformed(`signature line ${JSON.stringify(line.slice(0, 80))}`)
  return { name, keyHash: decoded.subarray(0, 4), bytes: decoded.subarray(4) }
}

/** The first four bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key); 0x01 is Ed25519. */
function keyHash(name: string, x: string): Buffer {
  const id = Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(0x01), Buffer.from(x, 'base64url')])
  return hash('sha256', id, 'buffer').subarray(0, 4)
}

function verifyText(text: string, x: string, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return signature.length === 64 && verify(null, Buffer.from(text), key, signature)
}

/** No control characters but the newline that ends every line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const TEXT = /^(?:[^\u0000-\u001f\u007f]*\n)+$/
const NAME = /^[^\s+]+$/u

const malformed = (what: string): HoldpointError => new HoldpointError('LEDGER_CORRUPT', `note: ${what}`)
const untrusted = (what: string): HoldpointError => new HoldpointError('UNTRUSTED', `note: ${what}`)
