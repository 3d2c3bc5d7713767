import type { Instrumentation } from './instrumentation.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What the environment says of the instrumentations themselves. */
export interface Selection {
  active: Instrumentation[]
  switchedOff: Instrumentation[]
  unsupported: 'report' | 'refuse'
  /** Whether the start line is written. */
  isSilent: boolean
}

const ENABLED = 'HOLDPOINT_ENABLED_INSTRUMENTATIONS'
const DISABLED = 'HOLDPOINT_DISABLED_INSTRUMENTATIONS'

/** Throws one error that names every variable that is wrong, and what was expected. */
export function select(all: readonly Instrumentation[], env: Environment): Selection {
  const problems: string[] = []
  const [enabled, disabled] = [ENABLED, DISABLED].map((variable) => namesIn(variable, env, all, problems))
  if (enabled !== undefined && disabled !== undefined)
    problems.push(`${ENABLED} and ${DISABLED} are both set, expected one of them`)
  const oneOf = <T extends string>(variable: string, expected: readonly T[], preset: T): T => {
    const value = env[variable]?.trim() || preset
    const found = expected.find((one) => one === value)
    if (found === undefined) problems.push(`${variable} is "${value}", expected ${expected.join(' or ')}`)
    return found ?? preset
  }
  const unsupported = oneOf('HOLDPOINT_UNSUPPORTED', ['report', 'refuse'], 'report')
  const log = oneOf('HOLDPOINT_LOG', ['on', 'off'], 'on')
  if (problems.length > 0)
    throw new Error(
      `Holdpoint cannot control this agent as it is asked to, so it is not started:\n${problems.map((one) => `  - ${one}`).join('\n')}`,
    )
  const isActive = ({ name }: Instrumentation): boolean =>
    enabled?.includes(name) ?? !(disabled?.includes(name) ?? false)
  return {
    active: all.filter(isActive),
    switchedOff: all.filter((one) => !isActive(one)),
    unsupported,
    isSilent: log === 'off',
  }
}

/** Nothing where the variable is not set, or empty. */
function namesIn(
  variable: string,
  env: Environment,
  all: readonly Instrumentation[],
  problems: string[],
): string[] | undefined {
  const names = (env[variable] ?? '').split(',').flatMap((name) => name.trim() || [])
  const known = all.map(({ name }) => name)
  for (const name of names.filter((one) => !known.includes(one)))
    problems.push(`${variable} names "${name}", expected some of ${known.join(', ')}`)
  return names.length > 0 ? names : undefined
}
