import { PERMISSIONS, SYSTEM_ROLES } from '#broker'
import { complaint, type Finding, messageOf, orOk } from './finding.ts'
import type { HouseRole, Scene } from './scene.ts'
import { askAll } from './servers.ts'

interface AccountFacts {
  now: string
  account_detail?: { jwt?: string }
}

interface AccountClaims {
  nats: {
    exports?: { subject: string }[]
    imports?: { subject: string }[]
    signing_keys?: (string | { role: string; template: Template })[]
  }
}
interface Template {
  pub?: { allow?: string[]; deny?: string[] }
  sub?: { allow?: string[]; deny?: string[] }
}

/** The account as the servers have it now: what each role's credentials are bound to, and what leaves it. */
export async function checkAccount(scene: Scene): Promise<Finding[]> {
  const check = 'account'
  let answers: { facts: AccountFacts }[]
  try {
    const { role, account } = accountOf(scene)
    // A server looks at an account when the first of its users comes.
    await scene.connect(role)
    const nc = await scene.connect('doctor')
    answers = await askAll(nc, '$SYS.REQ.SERVER.PING.ACCOUNTZ', JSON.stringify({ account }), scene.now)
  } catch (error) {
    return [scene.unreadable(check, 'permissions', `the account cannot be read: ${messageOf(error)}`)]
  }
  const tokens = new Set(
    answers.map(({ facts }) => facts.account_detail?.jwt).filter((jwt) => jwt !== undefined),
  )
  if (tokens.size === 0)
    return [scene.unreadable(check, 'permissions', 'no server says what the account permits')]
  return [...tokens].flatMap((jwt) => looked(check, decode<AccountClaims>(jwt)))
}

function accountOf(scene: Scene): { role: HouseRole; account: string } {
  const role = scene.roles().find((one) => !SYSTEM_ROLES.includes(one))
  if (role === undefined) throw new Error('no credentials of it lie here')
  const [, jwt = ''] = /-----BEGIN NATS USER JWT-----\s+(\S+)/.exec(scene.credentials(role)) ?? []
  const { nats } = decode<{ nats: { issuer_account?: string } }>(jwt)
  return { role, account: nats.issuer_account ?? '' }
}

function looked(check: string, { nats }: AccountClaims): Finding[] {
  const crossing = [...(nats.exports ?? []), ...(nats.imports ?? [])].map(({ subject }) =>
    complaint(check, {
      what: `${subject} crosses the border of the account`,
      why: 'subjects prove who asks only as long as nobody outside of the account can use them',
      mend: 'take the export or import out of the account',
    }),
  )
  const roles = (nats.signing_keys ?? []).filter((key) => typeof key !== 'string')
  const bound = Object.entries(PERMISSIONS)
    .filter(([role]) => !(SYSTEM_ROLES as readonly string[]).includes(role))
    .flatMap(([role, expected]) => {
      const found = roles.find((key) => key.role === role)
      if (found && sameTemplate(found.template, expected)) return []
      return complaint(check, {
        what: found
          ? `the role ${role} has other permissions than this version of Holdpoint gives it${differing(found.template, expected)}`
          : `the role ${role} is not known`,
        why: 'credentials may do more than they should, or not what they are for',
        mend: 'holdpoint init writes nats/operator.conf anew: give it to every server, and reload it',
      })
    })
  const unscoped = (nats.signing_keys ?? []).filter((key) => typeof key === 'string')
  const free = unscoped.map((key) =>
    complaint(check, {
      what: `the signing key ${key} is bound to no role`,
      why: 'whoever has it issues credentials that may do anything',
      mend: 'take it out of the account',
    }),
  )
  return orOk(check, [...crossing, ...bound, ...free], 'every role has the permissions that it should have')
}

const KINDS = [
  ['pub', 'allow'],
  ['pub', 'deny'],
  ['sub', 'allow'],
  ['sub', 'deny'],
] as const
const listOf = (template: Template, kind: 'pub' | 'sub', what: 'allow' | 'deny'): string[] =>
  [...(template[kind]?.[what] ?? [])].sort()
const sameTemplate = (found: Template, expected: Template): boolean =>
  KINDS.every(([kind, what]) => String(listOf(found, kind, what)) === String(listOf(expected, kind, what)))

function differing(found: Template, expected: Template): string {
  const more = KINDS.flatMap(([kind, what]) =>
    listOf(found, kind, what).filter((subject) => !listOf(expected, kind, what).includes(subject)),
  )
  const less = KINDS.flatMap(([kind, what]) =>
    listOf(expected, kind, what).filter((subject) => !listOf(found, kind, what).includes(subject)),
  )
  const name = (word: string, subjects: string[]): string =>
    subjects.length > 0 ? `; ${word} ${subjects.slice(0, 5).join(', ')}` : ''
  return name('beside them', more) + name('without', less)
}

const decode = <T>(jwt: string): T =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')) as T
