import {
  check,
  type Directory,
  HoldpointError,
  list,
  object,
  optional,
  type Path,
  type Principal,
  record,
  type Shape,
  text,
} from '#contract'
import { readYaml, type YamlSource } from '#policy'

type Whose = Pick<Directory, 'people' | 'services'>

/**
 * Reads the directory as people write it: `people`, a list of accounts under each person's id, and `services`, a
 * list of accounts; an account is `ISSUER#SUBJECT`. Throws INVALID_INPUT with one line for each problem:
 * `file:line:column: key: value, expected …`.
 */
export function parseDirectory(source: string, file: string): Whose {
  const yaml = readYaml(source)
  if (yaml.problems.length > 0)
    throw refused(yaml.problems.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`))
  const checked = check(shape, yaml.value)
  if (!checked.ok)
    throw refused(
      checked.problems.map(({ path, found, expected }) =>
        problem(file, yaml, path, `${found}, expected ${expected}`, expected.startsWith('one of the keys')),
      ),
    )
  const { people = {}, services = [] } = checked.value
  const twice = doubles(people, services)
  if (twice.length > 0)
    throw refused(twice.map(({ path, message }) => problem(file, yaml, path, message, false)))
  return {
    people: Object.entries(people).map(([id, accounts]) => ({ id, accounts: accounts.map(accountOf) })),
    services: services.map(accountOf),
  }
}

/** Cut at the last `#`: an issuer has none (OpenID Connect Discovery, 4.1), and a subject may not hold one here. */
const account: Shape<string> = text({
  max: 1000,
  pattern: /^https?:\/\/[^\s#?]+#[^\s#](?:[^#]*[^\s#])?$/,
  like: 'ISSUER#SUBJECT, such as https://idp.example.com#00u1a2b3',
})
const shape = object({
  holdpoint: optional(((value, at, report) => (value === 1 ? 1 : report(at, '1', value))) as Shape<1>),
  people: optional(record(list(account, { min: 1, max: 50 }), { max: 100_000, key: /^\S(?:.{0,198}\S)?$/ })),
  services: optional(list(account, { max: 100_000 })),
})

const accountOf = (written: string): Principal => {
  const at = written.lastIndexOf('#')
  return { iss: written.slice(0, at), sub: written.slice(at + 1) }
}

/** An account of two people would let one of them be two; one of a person and a service, either. */
function doubles(people: Record<string, string[]>, services: string[]): { path: Path; message: string }[] {
  const found: { path: Path; message: string }[] = []
  const whose = new Map<string, string>()
  const take = (written: string, owner: string, path: Path): void => {
    const other = whose.get(written)
    if (other === undefined) whose.set(written, owner)
    else
      found.push({
        path,
        message: `${JSON.stringify(written)}, expected an account of one; it is ${other}'s`,
      })
  }
  for (const [id, accounts] of Object.entries(people))
    for (const [index, one] of accounts.entries()) take(one, JSON.stringify(id), ['people', id, index])
  for (const [index, one] of services.entries()) take(one, 'a service', ['services', index])
  return found
}

function problem(file: string, yaml: YamlSource, path: Path, message: string, atKey: boolean): string {
  const { line, column } = atKey ? yaml.keyAt(path) : yaml.valueAt(path)
  return `${file}:${line}:${column}: ${path.join('.') || 'the document'}: ${message}`
}

/** One missing bracket can be hundreds of problems. */
const MAX_SHOWN = 50

function refused(lines: string[]): HoldpointError {
  const more = lines.length > MAX_SHOWN ? [`and ${lines.length - MAX_SHOWN} more`] : []
  return new HoldpointError('INVALID_INPUT', [...lines.slice(0, MAX_SHOWN), ...more].join('\n'))
}
