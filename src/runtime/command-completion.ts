import { type Command, defineCommand } from './command.ts'
import type { Program } from './command-run.ts'

type Completed = Pick<Program, 'name' | 'commands'>

/** Prints a script with which a shell completes commands, options and the ids of requests that wait. */
export const completionCommand = (program: () => Completed): Command =>
  defineCommand({
    name: 'completion',
    summary: 'Print a script with which your shell completes holdpoint',
    details:
      'bash and zsh: source <(holdpoint completion bash)   in ~/.bashrc, or with zsh in ~/.zshrc\n' +
      'fish:         holdpoint completion fish | source    in ~/.config/fish/config.fish',
    example: 'source <(holdpoint completion bash)',
    positionals: [{ name: 'SHELL', description: 'bash, zsh or fish' }],
    async run({ positionals: [shell = ''] }, io) {
      const write = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell as keyof typeof SCRIPTS] : undefined
      if (!write) {
        io.stderr.write(
          `no script for ${JSON.stringify(shell)}; there is: ${Object.keys(SCRIPTS).join(', ')}\n`,
        )
        return 2
      }
      io.stdout.write(write(program()))
      return 0
    },
  })

/**
 * Ids of requests that wait, one to a line, and nothing where nobody is signed in or nothing runs. Only what an id
 * may be made of gets through: shells expand what completions are made of, and names of actions are an agent's.
 */
const idsOf = (name: string): string =>
  `${name} requests list --json --limit 200 2>/dev/null </dev/null | ` +
  `grep -o '"requestId":"[A-Za-z0-9_-]*"' | cut -d'"' -f4`

const bash = ({ name, commands }: Completed): string => `# bash completion of ${name}
_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local words="" at=2
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${[...firstWords(commands), '--help', '--version'].join(' ')}"
  else
    case "$command" in
${groupsOf(commands)
  .map(
    ([group, members]) => `      ${group})
        command="$command \${COMP_WORDS[2]}"
        at=3
        if [ "$COMP_CWORD" -eq 2 ]; then words="${[...members.map(secondWord), '--help'].join(' ')}"; fi ;;`,
  )
  .join('\n')}
    esac
  fi
  if [ "$COMP_CWORD" -ge "$at" ]; then
    case "$command" in
${commands
  .map(
    (command) => `      "${command.name}")
        case "$previous" in ${withValue(command)}) return ;; esac
        words="${optionsOf(command).join(' ')}"${
          takesRequest(command)
            ? `\n        case "$current" in -*) ;; *) words="$(${idsOf(name)})" ;; esac`
            : ''
        } ;;`,
  )
  .join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`

const zsh = ({ name, commands }: Completed): string => `#compdef ${name}
_${name}_requests() {
  local -a ids
  ids=(\${(f)"$(${idsOf(name)})"})
  compadd -a ids
}
_${name}() {
  local -a choices
  if (( CURRENT == 2 )); then
    choices=(${firstWords(commands)
      .map((word) => zshChoice(word, summaryOf(word, commands)))
      .join(' ')})
    _describe command choices
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${groupsOf(commands)
  .map(
    ([group, members]) => `    ${group})
      if (( CURRENT == 2 )); then
        choices=(${members.map((one) => zshChoice(secondWord(one), one.summary)).join(' ')})
        _describe command choices
        return
      fi
      command="$command $words[2]"
      shift words
      (( CURRENT-- )) ;;`,
  )
  .join('\n')}
  esac
  case "$command" in
${commands
  .map((command) => `    ${shellQuote(command.name)}) _arguments ${zshArguments(name, command).join(' ')} ;;`)
  .join('\n')}
  esac
}
if (( $+functions[compdef] )); then compdef _${name} ${name}; fi
`

const zshChoice = (word: string, summary: string): string => shellQuote(`${word}:${summary}`)

const zshArguments = (name: string, command: Command): string[] => [
  ...Object.entries(command.options ?? {}).map(([option, { type, description, value = 'VALUE' }]) => {
    const about = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`
    return shellQuote(type === 'string' ? `--${option}=${about}:${value}:_files` : `--${option}${about}`)
  }),
  shellQuote('--help[Shows how it is used]'),
  ...(command.positionals ?? []).map((positional) =>
    shellQuote(`*:${positional.name}:${positional.name === 'REQUEST' ? `_${name}_requests` : '_files'}`),
  ),
]

const fish = ({ name, commands }: Completed): string => {
  const line = (condition: string, rest: string): string =>
    `complete -c ${name} -n ${shellQuote(condition)} ${rest}`
  return `# fish completion of ${name}
function __${name}_at
    set -l words (commandline -opc)
    set -l given (count $argv)
    test (count $words) -gt $given; or return 1
    test $given -eq 0; and return 0
    set -l last (math $given + 1)
    test "$words[2..$last]" = "$argv"
end
function __${name}_next
    test (count (commandline -opc)) -eq (math (count $argv) + 1); and __${name}_at $argv
end
function __${name}_requests
    ${idsOf(name)}
end
${[
  ...firstWords(commands).map((word) =>
    line(`__${name}_next`, `-f -a ${shellQuote(word)} -d ${shellQuote(summaryOf(word, commands))}`),
  ),
  ...groupsOf(commands).flatMap(([group, members]) =>
    members.map((one) =>
      line(`__${name}_next ${group}`, `-f -a ${shellQuote(secondWord(one))} -d ${shellQuote(one.summary)}`),
    ),
  ),
  ...commands.flatMap((command) => [
    ...Object.entries(command.options ?? {}).map(([option, { type, description }]) =>
      line(
        `__${name}_at ${command.name}`,
        `-l ${option}${type === 'string' ? ' -r' : ''} -d ${shellQuote(description)}`,
      ),
    ),
    ...(takesRequest(command) ? [line(`__${name}_at ${command.name}`, `-f -a '(__${name}_requests)'`)] : []),
  ]),
].join('\n')}
`
}

const SCRIPTS = { bash, zsh, fish } as const

const takesRequest = ({ positionals = [] }: Command): boolean =>
  positionals.some(({ name }) => name === 'REQUEST')

const optionsOf = ({ options = {} }: Command): string[] =>
  [...Object.keys(options), 'help'].map((one) => `--${one}`)

/** A pattern that nothing matches where no option takes a value. */
const withValue = ({ options = {} }: Command): string =>
  Object.entries(options)
    .filter(([, { type }]) => type === 'string')
    .map(([option]) => `--${option}`)
    .join('|') || "''"

const firstWord = ({ name }: Command): string => name.split(' ')[0] ?? ''
const secondWord = ({ name }: Command): string => name.split(' ')[1] ?? ''
const firstWords = (commands: readonly Command[]): string[] => [...new Set(commands.map(firstWord))]

/** Commands of two words, by their first one. */
const groupsOf = (commands: readonly Command[]): [string, Command[]][] =>
  Object.entries(Object.groupBy(commands.filter(secondWord), firstWord)) as [string, Command[]][]

const summaryOf = (word: string, commands: readonly Command[]): string =>
  commands.find(({ name }) => name === word)?.summary ??
  commands
    .filter((one) => firstWord(one) === word)
    .map(secondWord)
    .join(', ')

const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
