import { type EpochDocument, FIRST_EPOCH, TYP } from '#contract'
import { signDocument } from '#warrant/issue'
import { FILES, type Home } from './home.ts'
import { readKey, readKeySet } from './keys.ts'

/** Every epoch that this installation has begun, ascending. */
export const epochsOf = (home: Home): number[] => [
  FIRST_EPOCH,
  ...home
    .list(FILES.epochs)
    .map((file) => Number(/^(\d{1,9})\.jws$/.exec(file)?.[1]))
    .filter((epoch) => epoch > FIRST_EPOCH)
    .sort((one, other) => one - other),
]

export const currentEpoch = (home: Home): number => epochsOf(home).at(-1) ?? FIRST_EPOCH

/** Says, signed, that new requests go to this epoch from now on. Saying it again changes nothing. */
export function signEpoch(home: Home, epoch: number, nowMs: number): string {
  if (!home.has(FILES.epoch(epoch))) {
    const { origin } = readKeySet(home, nowMs)
    const document: EpochDocument = { v: 1, origin, version: epoch, iat: Math.floor(nowMs / 1000) }
    home.write(FILES.epoch(epoch), signDocument(TYP.epoch, document, readKey(home, FILES.registryKey)))
  }
  return home.read(FILES.epoch(epoch))
}
