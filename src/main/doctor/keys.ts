import { statSync } from 'node:fs'
import { FILES, type Home, readKey, readOwn, readPin } from '#broker'
import type { KeySet, KeyUse } from '#contract'
import { formatPin } from '#warrant'
import { complaint, type Finding, messageOf, ok, orOk } from './finding.ts'
import type { Scene } from './scene.ts'

const OTHERS = 0o077
const SECRET_BYTES = 32

/** Secrets on this machine: who else could read them, and whether they are the ones that the key set names. */
export async function checkKeys(scene: Scene): Promise<Finding[]> {
  const { home } = scene
  return [...modes(scene), organisationKey(scene), ...pins(scene), ...keyFiles(home), ...brokerSecret(home)]
}

function modes({ home, config }: Scene): Finding[] {
  const folders = ['keys', 'credentials', 'agents']
  const files = folders.flatMap((folder) => home.list(folder).map((file) => home.path(`${folder}/${file}`)))
  const named = [config.nats.credentials, config.channels.credentials].filter((file) => file !== undefined)
  const secrets = [
    ...files,
    ...named,
    ...(home.has(FILES.natsOperator) ? [home.path(FILES.natsOperator)] : []),
  ]
  const open = secrets.filter((file) => (modeOf(file) & OTHERS) !== 0)
  const complaints = open.map((file) =>
    complaint('key files', {
      what: `${file} has mode ${modeOf(file).toString(8)}, expected 600`,
      why: 'whoever on this machine reads it can act as its owner',
      mend: `chmod 600 ${file}, and make the key anew if others use this machine`,
    }),
  )
  return orOk('key files', complaints, `${secrets.length} files, readable by their owner alone`)
}

const modeOf = (file: string): number => {
  try {
    return statSync(file).mode & 0o777
  } catch {
    // A file that the configuration names and that is away is told of by whoever needs it.
    return 0o600
  }
}

function organisationKey({ home }: Scene): Finding {
  if (!home.has(FILES.organisation)) return ok('organisation key', 'not on this machine')
  return complaint('organisation key', {
    level: 'warning',
    what: `${home.path(FILES.organisation)} lies here`,
    why: 'it is the root of all trust: whoever has it makes keys that every gate believes',
    mend: 'move it into a safe; it is needed again only to sign a key set',
  })
}

function pins({ home, config }: Scene): Finding[] {
  if (!home.has(FILES.pin))
    return [
      complaint('pin', {
        what: `${home.path(FILES.pin)} is not there`,
        why: 'without it nothing that is signed can be verified here',
        mend: 'holdpoint init, or copy trust/ from where the installation was made',
      }),
    ]
  const pin = readPin(home)
  const complaints: Finding[] = []
  if (config.pin !== undefined && config.pin !== pin)
    complaints.push(
      complaint('pin', {
        what: `the configuration has ${config.pin}, the data folder ${pin}`,
        why: 'two organisations: what one of them signs the other refuses',
        mend: 'find out which is yours, and take the other one away',
      }),
    )
  if (home.has(FILES.organisation) && formatPin(readKey(home, FILES.organisation).x) !== pin)
    complaints.push(
      complaint('pin', {
        what: `${home.path(FILES.organisation)} is not the key that is pinned`,
        why: 'no key set that it signs is believed by anybody',
        mend: 'bring the right key; never a new pin, which would have to reach every gate',
      }),
    )
  return orOk('pin', complaints, pin)
}

const KEY_FILES: readonly [KeyUse, string][] = [
  ['broker', FILES.brokerKey],
  ['ledger', FILES.ledgerKey],
  ['policy', FILES.policyKey],
  ['registry', FILES.registryKey],
]

/** Those that are here: each process has its own, and a data folder of `up` has all. */
function keyFiles(home: Home): Finding[] {
  if (!home.has(FILES.keySet)) return []
  const { keys } = readOwn<KeySet>(home, FILES.keySet)
  return KEY_FILES.filter(([, file]) => home.has(file)).map(([use, file]) => {
    try {
      const { kid } = readKey(home, file)
      if (keys.some((key) => key.use === use && key.kid === kid))
        return ok('keys', `${file} is the ${use} key of the key set`)
      return complaint('keys', {
        what: `${home.path(file)} is not a ${use} key of the key set`,
        why: 'whatever it signs is refused by every gate, and so nothing is released',
        mend: 'bring back the key that was enrolled, or have a new key set signed: holdpoint init with the organisation key',
      })
    } catch (error) {
      return complaint('keys', {
        what: `${home.path(file)} cannot be used: ${messageOf(error)}`,
        why: 'the process that signs with it does not start',
        mend: 'bring it back from the backup',
      })
    }
  })
}

function brokerSecret(home: Home): Finding[] {
  if (!home.has(FILES.brokerSecret)) return []
  const { length } = Buffer.from(home.read(FILES.brokerSecret).trim(), 'base64url')
  if (length >= SECRET_BYTES) return [ok('broker secret', `${length} bytes`)]
  return [
    complaint('broker secret', {
      what: `${home.path(FILES.brokerSecret)} has ${length} bytes, expected ${SECRET_BYTES}`,
      why: 'it seals payloads and makes request ids: a short one can be guessed',
      mend: 'bring back the one that was made; with a new one the payloads of open requests cannot be read any more',
    }),
  ]
}
