import { readFileSync } from 'node:fs'
import type { Ruling } from '#contract'
import { type CompiledPolicy, compilePolicy, loadPolicy, type Policy, parsePolicy, ruleOn } from '#policy'
import type { Call, Variant } from './actions.ts'
import type { Agent } from './agents.ts'
import { INSTALLATION } from './names.ts'

export interface SeededPolicy {
  version: number
  /** What is signed: the text itself. */
  source: string
  compiled: CompiledPolicy
  /** What it says of an action. */
  ruleOn(agent: Agent, call: Call, variant: Variant): Ruling
  /** All that it may have said, as far as a span tells: a span does not carry what conditions read. */
  possibleRulings(agent: Agent, call: Call, variant: Variant): readonly Ruling[]
}

const FOLDER = new URL('../policies/', import.meta.url)

const read = (version: number): SeededPolicy =>
  createPolicy(version, readFileSync(new URL(`${version}.yaml`, FOLDER), 'utf8'))

function createPolicy(version: number, source: string): SeededPolicy {
  const policy = parsePolicy(source, `policy ${version}`)
  const compiled = loadPolicy(source, version)
  const passed = policy.rules.map((_, index) => passedOver(policy, index + 1, compiled))
  const first = passedOver(policy, 0, compiled)
  return {
    version,
    source,
    compiled,
    ruleOn: (agent, call, variant) => ruleOn(compiled, questionOf(agent, call, variant)),
    possibleRulings(agent, call, variant) {
      const found: Ruling[] = []
      let rest: CompiledPolicy | undefined = first
      while (rest !== undefined) {
        const ruling = ruleOn(rest, questionOf(agent, call, variant))
        found.push(ruling)
        const at = policy.rules.findIndex(({ id, when }) => id === ruling.rule && when !== undefined)
        if (at !== -1 && ruling.effect === 'allow') found.push({ ...ruling, effect: 'hold' })
        rest = passed[at]
      }
      return found
    },
  }
}

/** The policy from its rule number `from` on, with every condition taken to be true. */
const passedOver = (policy: Policy, from: number, { version, hash }: CompiledPolicy): CompiledPolicy =>
  compilePolicy(
    { ...policy, rules: policy.rules.slice(from).map(({ when: _, ...rule }) => rule) },
    { version, hash },
  )

const questionOf = (agent: Agent, { kind, name }: Call, { target, arguments: args }: Variant) => ({
  action: { kind, name, ...(target === undefined ? {} : { target }), arguments: args },
  environment: agent.environment,
  agent: { iss: INSTALLATION, sub: agent.id, name: agent.name },
  onBehalfOf: [],
})

/** In force one after the other. */
export const readPolicies = (): readonly [SeededPolicy, SeededPolicy] => [read(1), read(2)]
