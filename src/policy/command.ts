import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HoldpointError, type JsonValue, needsText, parseJson, type Ruling } from '#contract'
import type { Command, Invocation, Io } from '#runtime'
import { checkPolicy } from './check.ts'
import { loadPolicy } from './compile.ts'
import { explainRuling, type Step } from './explain.ts'
import { parsePolicy } from './parse.ts'
import { parseQuestion } from './question.ts'

const FILE = [{ name: 'FILE', description: 'The policy, a YAML file' }] as const
const json = { type: 'boolean', description: 'One JSON object on the last line of standard output' } as const

const check: Command = {
  name: 'policy check',
  summary: 'Check a policy, and say what its author should know',
  details: 'Exit code 0 where the policy can be used, findings or not; 1 where it cannot.',
  example: 'holdpoint policy check policy.yaml',
  options: { json },
  positionals: FILE,
  async run({ options, positionals }: Invocation, io: Io) {
    const file = positionals[0] ?? ''
    const policy = parsePolicy(await read(file, io, 'INVALID_POLICY'), file)
    const findings = checkPolicy(policy)
    for (const { line, column, level, message } of findings)
      io.stderr.write(`${file}:${line}:${column}: ${level}: ${message}\n`)
    const summary = { file, rules: policy.rules.length, groups: Object.keys(policy.groups).length, findings }
    io.stdout.write(
      options.json
        ? `${JSON.stringify(summary)}\n`
        : `${file}: usable, ${[count(summary.rules, 'rule'), count(summary.groups, 'group'), count(findings.length, 'finding')].join(', ')}\n`,
    )
    return 0
  },
}

const explain: Command = {
  name: 'policy explain',
  summary: 'Say how a policy rules on an action, and why',
  details:
    'The action is a JSON file {kind, name, target?, arguments}, or a whole question {action, agent?, onBehalfOf?, facts?}.',
  example: 'holdpoint policy explain policy.yaml --action action.json --environment prod',
  options: {
    action: { type: 'string', value: 'FILE', required: true, description: 'The action, a JSON file' },
    environment: { type: 'string', value: 'NAME', default: 'prod', description: 'Where the agent runs' },
    json,
  },
  positionals: FILE,
  async run({ options, positionals }: Invocation, io: Io) {
    const file = positionals[0] ?? ''
    const actionFile = String(options.action)
    const policy = loadPolicy(await read(file, io, 'INVALID_POLICY'), 0, file)
    const question = parseQuestion(
      parseAction(await read(actionFile, io, 'INVALID_INPUT'), actionFile),
      String(options.environment),
      actionFile,
    )
    const explanation = explainRuling(policy, question)
    io.stdout.write(
      options.json
        ? `${JSON.stringify(explanation)}\n`
        : `${table(explanation.steps)}${
            explanation.withAgentFacts
              ? `\nwith the agent's own facts:\n${table(explanation.withAgentFacts)}`
              : ''
          }\n${sentence(explanation.ruling)}\n`,
    )
    return 0
  },
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** `holdpoint policy …` */
export const policyCommands: Command[] = [check, explain]

async function read(file: string, io: Io, code: 'INVALID_POLICY' | 'INVALID_INPUT'): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, file), 'utf8')
  } catch (cause) {
    throw new HoldpointError(code, `${file}: cannot be read, expected a file (${(cause as Error).message})`, {
      cause,
    })
  }
}

function parseAction(source: string, file: string): JsonValue {
  try {
    return parseJson(source)
  } catch (cause) {
    throw new HoldpointError('INVALID_INPUT', `${file}: ${(cause as Error).message}`, { cause })
  }
}

function table(steps: Step[]): string {
  const width = Math.max(...steps.map(({ rule }) => rule.length))
  return steps
    .map(({ rule, matched, because }) => `${matched ? '→' : ' '} ${rule.padEnd(width)}  ${because}\n`)
    .join('')
}

function sentence({ effect, rule, mode, approvals, reason }: Ruling): string {
  const by = mode === 'observe' ? `${effect} (observed only: it would run)` : effect
  const people =
    effect === 'hold' ? `, to be released by ${needsText(approvals)} (${approvals.assurance})` : ''
  return `${by} by ${rule}${people}${reason === undefined ? '' : `: ${reason}`}`
}
