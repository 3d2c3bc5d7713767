import { TYP, type WarrantClaims } from '#contract'
import { generateKey, loadKey, type PrivateKey } from '#warrant/issue'
import { type Attack, guardIn } from './attack.ts'
import { type Forge, holdWith, sign } from './forged-release.ts'

const inTrust = guardIn('src/warrant/trust.ts')
const inJws = guardIn('src/warrant/jws.ts')
const THEFT = 'warrant theft and replay'
const BROKER = 'a broker, or whoever sits in between, that lies'

const stranger = loadKey(generateKey().seed)
const signature = inJws(
  'signature',
  'A document that nobody has signed.',
  'if (!key.verify(signed, signature)) throw',
  'if (false as boolean) throw',
)
const keyUse = inTrust(
  'key-use',
  'A key that signs what it is not for.',
  'return signer?.use === use ? signer.key : undefined',
  'return signer?.key',
)
const typ = inJws(
  'typ',
  'A document of one kind, played back as another.',
  'typ: literal(typ),',
  'typ: text({ min: 1 }) as never,',
)

export const signatureAttacks: readonly Attack[] = (
  [
    [
      'a warrant whose payload was changed after it was signed',
      signature,
      THEFT,
      (claims, { keys }) => tampered(sign(claims, keys.broker)),
    ],
    [
      'a warrant with the signature of another document',
      signature,
      THEFT,
      (claims, { keys }) => spliced(sign(claims, keys.broker), sign({ ...claims, sub: 'x' }, keys.broker)),
    ],
    [
      'a warrant with an empty signature',
      signature,
      THEFT,
      (claims, { keys }) => `${sign(claims, keys.broker).split('.').slice(0, 2).join('.')}.`,
    ],
    [
      'a warrant signed by a stranger under the broker’s key id',
      signature,
      THEFT,
      (claims, { keys }) => renamed(sign(claims, stranger), stranger, keys.broker),
    ],
    ['a warrant signed with the policy key', keyUse, BROKER, (claims, { keys }) => sign(claims, keys.policy)],
    [
      'a warrant signed with the registry key',
      keyUse,
      BROKER,
      (claims, { keys }) => sign(claims, keys.registry),
    ],
    [
      'a warrant under the type of an answer to consume',
      typ,
      BROKER,
      (claims, { keys }) => sign(claims, keys.broker, TYP.consumed),
    ],
    [
      'a warrant under the type of a plain JWT',
      typ,
      BROKER,
      (claims, { keys }) => sign(claims, keys.broker, 'JWT'),
    ],
  ] as [string, Attack['guard'], string, Forge][]
).map(([name, guard, threat, forge]) => ({
  name,
  threat,
  enforcementPoint: 'in-process gate',
  guard,
  run: async (scenes) => holdWith(await scenes.gate(), { warrant: forge }),
}))

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const spliced = (one: string, other: string): string =>
  [...one.split('.').slice(0, 2), other.split('.')[2]].join('.')
function tampered(jws: string): string {
  const [head, body = '', signed] = jws.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as WarrantClaims
  return [head, encode({ ...claims, sub: 'somebody-else' }), signed].join('.')
}
function renamed(jws: string, from: PrivateKey, to: PrivateKey): string {
  const [head = '', body, signed] = jws.split('.')
  const header = Buffer.from(head, 'base64url').toString().replace(from.kid, to.kid)
  return [Buffer.from(header).toString('base64url'), body, signed].join('.')
}
