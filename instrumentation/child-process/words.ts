/** What the words of a command line tell of it, and where they tell nothing. */

/** Programs that are told what to do by their first words, and by how many: `terraform apply`, `aws s3 rm`. */
const SUBCOMMANDS: ReadonlyMap<string, number> = new Map([
  ...words(
    'git terraform tofu pulumi cdk kubectl helm docker podman nerdctl npm pnpm yarn bun pip pip3 uv cargo go brew ' +
      'apt apt-get dnf yum apk systemctl service vault consul nomad flyctl heroku',
    1,
  ),
  ...words('aws gh az doctl', 2),
  ...words('gcloud', 3),
])

function words(text: string, count: number): [string, number][] {
  return text.split(' ').map((word) => [word, count])
}

/** They run another program, which stands among their arguments. */
const WRAPPERS = new Set(
  (
    'env sudo doas su runuser nohup nice ionice timeout time setsid stdbuf xargs parallel watch busybox toybox chroot ' +
    'unshare nsenter strace ltrace script ssh start'
  ).split(' '),
)

const SHELLS = new Set('sh ash bash dash ksh mksh zsh fish csh tcsh cmd powershell pwsh'.split(' '))

/** An option that carries its value with it, so that the next word is no value. */
const SELF_CONTAINED = /^--?[A-Za-z][\w-]*=/
const WORD = /^[A-Za-z][\w:-]*$/

/** Of a path with slashes, or of Windows: what stands last. */
export const baseName = (file: string): string =>
  (process.platform === 'win32'
    ? file.replace(/^.*[\\/]/, '').replace(/\.(exe|cmd|bat|com)$/i, '')
    : file.replace(/^.*\//, '')) || file

export interface Reading {
  /** `terraform apply`, or the program alone. */
  name: string
  /** Why its words do not say what it does. */
  doubt?: string
}

/** How policy calls a command: its base name, and for some programs the words that tell them what to do. */
export function readCommand(file: string, args: readonly string[]): Reading {
  const program = baseName(file)
  if (WRAPPERS.has(program))
    return { name: program, doubt: `${program} runs another program, which stands in its arguments.` }
  const most = SUBCOMMANDS.get(program) ?? 0
  const told: string[] = []
  for (const [at, arg] of args.entries()) {
    if (told.length === most) break
    if (SELF_CONTAINED.test(arg)) continue
    if (WORD.test(arg)) told.push(arg)
    // What follows may be the option's value or what it is told to do: each program has its own idea of that.
    else if (arg.startsWith('-') && at < args.length - 1)
      return {
        name: [program, ...told].join(' '),
        doubt: `What ${program} is told to do stands behind an option, ${arg}.`,
      }
    else break
  }
  return { name: [program, ...told].join(' ') }
}

/** `-c`, among other letters anywhere: `-lc`, `-ce`. Of cmd `/c`, and of PowerShell whatever `-EncodedCommand` is cut to. */
const TEXT_FOLLOWS = /^-[A-Za-z]*c[A-Za-z]*$|^[/-](d|s|c|e)$|^[/-]c\w*$/i

/** `sh -c TEXT`: a text that a shell makes a command of. */
export function shellText(file: string, args: readonly string[]): string | undefined {
  if (!SHELLS.has(baseName(file))) return undefined
  const at = args.findIndex((arg) => TEXT_FOLLOWS.test(arg))
  return at < 0 ? undefined : args.slice(at + 1).join(' ')
}

/**
 * Nothing in such a text means anything to a shell but the spaces between its words. One that begins like an option is
 * none: the text comes after that.
 */
const PLAIN = /^[A-Za-z0-9_./:@%][A-Za-z0-9_./:@%+,-]*( +[A-Za-z0-9_./:@%+,=-]+)*$/
/** Words that are a shell's own. */
const RESERVED =
  /^(if|then|else|elif|fi|do|done|case|esac|while|until|for|in|select|function|coproc|time|eval|exec|source|command|builtin|alias|trap|export|set|\.)$/

/** The words of a text that a shell only takes apart at its spaces; undefined for every other one. */
export function plainWords(text: string): [string, ...string[]] | undefined {
  const trimmed = text.trim()
  if (process.platform === 'win32' || !PLAIN.test(trimmed)) return undefined
  const [first = '', ...others] = trimmed.split(/ +/)
  return RESERVED.test(first) ? undefined : [first, ...others]
}

/** They make another program of the same name, or have a known one run foreign code. */
export const LOADING = new RegExp(
  '^(PATH|LD_\\w+|DYLD_\\w+|GCONV_PATH|NODE_OPTIONS|NODE_PATH|BASH_ENV|ENV|BASH_FUNC_.*|SHELLOPTS|PS4|IFS|PERL5\\w+|RUBY(OPT|LIB)|' +
    'PYTHON(STARTUP|PATH|HOME)|_?JAVA_(TOOL_)?OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|' +
    'GIT_(CONFIG\\w*|DIR|EXEC_PATH|TEMPLATE_DIR|SSH|SSH_COMMAND|PROXY_COMMAND|EXTERNAL_DIFF))$',
  process.platform === 'win32' ? 'i' : '',
)
