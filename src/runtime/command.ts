import type { Readable, Writable } from 'node:stream'

/** What a command may touch: everything comes in, so that it runs in a test without a process. */
export interface Io {
  stdout: Writable
  stderr: Writable
  stdin: Readable & { isTTY?: boolean }
  env: NodeJS.ProcessEnv
  cwd: string
  /** Milliseconds since 1970. */
  now: () => number
  /** Aborted when the process is asked to stop: a command then drains and returns. */
  signal: AbortSignal
}

/** 0 done · 1 refused or failed · 2 wrong usage. */
export type ExitCode = 0 | 1 | 2

/** What a program that this command has run ended with: to whoever called us we are that program. */
export interface PassedOn {
  passedOn: number
}

export interface Option {
  type: 'string' | 'boolean'
  /** One sentence for --help. */
  description: string
  /** What stands after it in --help: `--owner SUBJECT`. */
  value?: string
  short?: string
  multiple?: boolean
  required?: boolean
  default?: string
}

export interface Positional {
  /** In capitals: REQUEST. */
  name: string
  description: string
  optional?: boolean
  /** The last one may take all that follow. */
  multiple?: boolean
}

export type Options = Readonly<Record<string, Option>>

type Present<O extends Option> = O extends { multiple: true }
  ? string[]
  : O extends { type: 'boolean' }
    ? boolean
    : O extends { required: true } | { default: string }
      ? string
      : string | undefined

/** Booleans are false and lists empty when not given. */
export type Values<O extends Options> = { -readonly [K in keyof O]: Present<O[K]> }

export interface Invocation<O extends Options = Options> {
  options: Values<O>
  positionals: string[]
}

interface Definition<O extends Options> {
  /** One word, or two for a sub-command: `agent add`. */
  name: string
  summary: string
  /** More than the summary can say, above the options in --help. */
  details?: string
  /** One whole line as somebody would type it. */
  example: string
  options?: O
  positionals?: readonly Positional[]
  /** Results go to stdout, and with `--json` as one JSON object on its last line; everything else to stderr. */
  run(invocation: Invocation<O>, io: Io): Promise<ExitCode | PassedOn>
}

export type Command = Omit<Definition<Options>, 'run'> & {
  // biome-ignore lint/suspicious/noExplicitAny: each command knows its own options; a list of commands cannot
  run(invocation: Invocation<any>, io: Io): Promise<ExitCode | PassedOn>
}

/** Keeps the types of the options for `run`, then forgets them, so that commands fit into one list. */
export const defineCommand = <const O extends Options>(definition: Definition<O>): Command => definition
