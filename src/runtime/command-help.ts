import type { Command, Option, Positional } from './command.ts'

interface Named {
  name: string
  summary: string
  commands: readonly Command[]
}

export function helpForAll(program: Named): string {
  const rows = program.commands.map((command) => [command.name, command.summary] as const)
  return [
    program.summary,
    '',
    `usage: ${program.name} COMMAND [OPTIONS]`,
    '',
    ...table(rows),
    '',
    `${program.name} COMMAND --help says more, with an example; --version prints the version.`,
    'Exit code: 0 done, 1 refused or failed, 2 wrong usage.',
    '',
  ].join('\n')
}

export function helpForOne(program: Named, command: Command): string {
  const { positionals = [], options = {} } = command
  const words = [
    program.name,
    command.name,
    ...positionals.map(inUsage),
    Object.keys(options).length ? '[OPTIONS]' : '',
  ]
  const rows = [
    ...positionals.map(({ name, description }) => [name, description] as const),
    ...Object.entries(options).map(([name, option]) => [inTable(name, option), explain(option)] as const),
    ['-h, --help', 'Shows this'] as const,
  ]
  return [
    command.summary,
    ...(command.details ? ['', command.details] : []),
    '',
    `usage: ${words.filter((word) => word !== '').join(' ')}`,
    '',
    ...table(rows),
    '',
    'example:',
    `  ${command.example}`,
    '',
  ].join('\n')
}

const inUsage = ({ name, optional, multiple }: Positional): string => {
  const word = multiple ? `${name}…` : name
  return optional ? `[${word}]` : word
}

const inTable = (name: string, { type, value = 'VALUE', short }: Option): string =>
  `${short ? `-${short}, ` : ''}--${name}${type === 'string' ? ` ${value}` : ''}`

const explain = ({ description, required, multiple, default: preset }: Option): string => {
  const more = [
    required ? 'Required.' : '',
    multiple ? 'May be given several times.' : '',
    preset === undefined ? '' : `Default: ${preset}.`,
  ].filter((part) => part !== '')
  return more.length === 0 ? description : `${description.replace(/\.$/, '')}. ${more.join(' ')}`
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
