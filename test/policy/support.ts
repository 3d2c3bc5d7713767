import { HoldpointError } from '#contract'
import { type CompiledPolicy, loadPolicy, parsePolicy, type Question } from '#policy'

export const SRE = 'oidc:https://idp.example.com#group/sre'

/** A document whose defaults can be released, and these rules, each on a line of its own from line 5 on. */
export const policyOf = (...rules: string[]): string => `holdpoint: 1
defaults: { approvals: { from: [sre] } }
groups: { sre: ["${SRE}"] }
${rules.length === 0 ? '' : `rules:\n${rules.map((rule) => `  - ${rule}\n`).join('')}`}`

export const load = (...rules: string[]): CompiledPolicy => loadPolicy(policyOf(...rules), 1)

export const ask = (
  name: string,
  args: unknown = {},
  more: Partial<Omit<Question, 'action'>> & { kind?: string; target?: string } = {},
): Question => {
  const { kind = 'tool', target, ...rest } = more
  return {
    action: { kind, name, ...(target === undefined ? {} : { target }), arguments: args as never },
    environment: 'prod',
    agent: { iss: 'example.com/holdpoint', sub: 'billing', name: 'Billing agent' },
    onBehalfOf: [],
    ...rest,
  }
}

/** The lines with which a document is refused. */
export function refusals(source: string): string[] {
  try {
    parsePolicy(source, 'policy.yaml')
  } catch (error) {
    if (error instanceof HoldpointError && error.code === 'INVALID_POLICY') return error.message.split('\n')
    throw error
  }
  throw new Error('the document was accepted')
}
