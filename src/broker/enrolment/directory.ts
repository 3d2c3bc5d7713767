import { canonicalize, type Directory, directoryShape, parse, TYP } from '#contract'
import { signDocument } from '#warrant/issue'
import { parseDirectory } from './directory-file.ts'
import { FILES, type Home } from './home.ts'
import { RENEW_BEFORE_S, readKey, readKeySet, readOwn } from './keys.ts'

/** People leave: who answers for the directory looks at it as often as at the policy. */
const DIRECTORY_LIFE_S = 90 * 86_400

/**
 * Signs who is one person as the next version. The same people keep their version until it is due for renewal.
 * Throws INVALID_INPUT, with every line and column, before anything is signed.
 */
export function signDirectory(home: Home, source: string, file: string, nowMs: number): Directory {
  const { people, services } = parseDirectory(source, file)
  const { origin } = readKeySet(home, nowMs)
  const signed = home.has(FILES.directory) ? readOwn<Directory>(home, FILES.directory) : undefined
  const isSame = signed && canonicalize([signed.people, signed.services]) === canonicalize([people, services])
  if (isSame && signed.exp * 1000 > nowMs + RENEW_BEFORE_S * 1000) return signed

  const iat = Math.floor(nowMs / 1000)
  const version = (signed?.version ?? 0) + 1
  const draft = { v: 1, origin, version, iat, exp: iat + DIRECTORY_LIFE_S, people, services }
  const directory = parse(directoryShape, draft, file)
  home.write(FILES.directory, signDocument(TYP.directory, directory, readKey(home, FILES.registryKey)))
  return directory
}
