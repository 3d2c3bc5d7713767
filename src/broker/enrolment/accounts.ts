import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromSeed,
  type KeyPair,
  newScopedSigner,
} from '@nats-io/jwt'
import { HoldpointError } from '#contract'
import { FILES, type Home } from './home.ts'
import { HOUSE_ROLES, PERMISSIONS, ROLES, type Role, SYSTEM_ROLES } from './roles.ts'

/** Seeds of NATS operator mode: one account, and one scoped signing key for each role. */
interface NatsKeys {
  operator: string
  account: string
  system: string
  roles: Record<Role, string>
}

const UNLIMITED = -1
/** What is left out is none at all. */
const CONNECTIONS = {
  conn: UNLIMITED,
  leaf: UNLIMITED,
  subs: UNLIMITED,
  data: UNLIMITED,
  payload: UNLIMITED,
  imports: UNLIMITED,
  exports: UNLIMITED,
  wildcards: true,
}
const STORAGE = {
  mem_storage: UNLIMITED,
  disk_storage: UNLIMITED,
  streams: UNLIMITED,
  consumer: UNLIMITED,
}

/**
 * Makes the operator, the accounts and the part of the server's configuration that names them.
 * A signing key is bound to its role's permissions by the account, so credentials issued with it can never have more.
 */
export async function ensureAccounts(home: Home): Promise<void> {
  const keys = ensureNatsKeys(home)
  const operator = pair(keys.operator)
  const account = pair(keys.account)
  const system = pair(keys.system)

  const operatorJwt = await encodeOperator('holdpoint', operator, { system_account: system.getPublicKey() })
  const signers = (ofSystem: boolean) =>
    ROLES.filter((role) => SYSTEM_ROLES.includes(role) === ofSystem).map((role) =>
      newScopedSigner(pair(keys.roles[role]), role, {
        ...withDenials(PERMISSIONS[role]),
        subs: UNLIMITED,
        data: UNLIMITED,
        payload: UNLIMITED,
      }),
    )
  const accountJwt = await encodeAccount(
    'HOLDPOINT',
    account,
    { signing_keys: signers(false), limits: { ...CONNECTIONS, ...STORAGE } },
    { signer: operator },
  )
  const systemJwt = await encodeAccount(
    'SYS',
    system,
    { signing_keys: signers(true), limits: CONNECTIONS },
    { signer: operator },
  )
  home.write(
    FILES.natsOperator,
    [
      '# Made by `holdpoint init`: who may connect, and what each role may do. Include it in the server configuration.',
      `operator: ${operatorJwt}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      'resolver_preload: {',
      `  ${account.getPublicKey()}: ${accountJwt}`,
      `  ${system.getPublicKey()}: ${systemJwt}`,
      '}',
      '',
    ].join('\n'),
  )
  for (const role of HOUSE_ROLES)
    if (!home.has(FILES.credentials(role)))
      home.write(FILES.credentials(role), await issueCredentials(home, role, role))
}

/** A credentials file for one user of a role. For an agent the name is its id, and its subjects follow from it. */
export async function issueCredentials(home: Home, role: Role, name: string): Promise<string> {
  const keys = readKeys(home)
  const user = createUser()
  const jwt = await encodeUser(
    name,
    user,
    pair(keys.roles[role]),
    { issuer_account: pair(SYSTEM_ROLES.includes(role) ? keys.system : keys.account).getPublicKey() },
    { scopedUser: true },
  )
  return new TextDecoder().decode(fmtCreds(jwt, user))
}

const withDenials = ({ pub, sub }: (typeof PERMISSIONS)[Role]) => ({
  pub: { allow: pub.allow, deny: pub.deny ?? [] },
  sub: { allow: sub.allow, deny: sub.deny ?? [] },
})

/** Keeps what is there; a folder from before a role gets that role's key. */
function ensureNatsKeys(home: Home): NatsKeys {
  const present: Partial<NatsKeys> = home.has(FILES.natsKeys) ? readKeys(home) : {}
  const roles = Object.fromEntries(
    ROLES.map((role) => [role, present.roles?.[role] ?? seedOf(createAccount())]),
  ) as Record<Role, string>
  const keys: NatsKeys = {
    operator: present.operator ?? seedOf(createOperator()),
    account: present.account ?? seedOf(createAccount()),
    system: present.system ?? seedOf(createAccount()),
    roles,
  }
  if (JSON.stringify(keys) !== JSON.stringify(present)) home.write(FILES.natsKeys, JSON.stringify(keys))
  return keys
}

function readKeys(home: Home): NatsKeys {
  try {
    return JSON.parse(home.read(FILES.natsKeys)) as NatsKeys
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    throw new HoldpointError('INVALID_CONFIG', `${home.path(FILES.natsKeys)} is not JSON`, { cause })
  }
}

const seedOf = (key: KeyPair): string => new TextDecoder().decode(key.getSeed())
const pair = (seed: string): KeyPair => fromSeed(new TextEncoder().encode(seed))
