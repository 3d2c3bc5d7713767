import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import {
  DIGEST,
  type Digest,
  digestBytes,
  HoldpointError,
  type Infer,
  list,
  literal,
  object,
  optional,
  parse,
  parseJson,
  text,
} from '#contract'
import type { Definition } from './definition.ts'

const described = object({
  digest: text({ pattern: DIGEST, like: 'a digest' }),
  /** Canonical JSON, so that people can see what has changed. */
  definition: text({ max: 4_000_000 }),
  /** ISO 8601. */
  since: text({ max: 40 }),
})
const pinFileShape = object({
  v: literal(1),
  server: text({ min: 1, max: 200 }),
  tools: list(
    object({
      name: text({ max: 4_000 }),
      /** What was accepted; absent while a tool that came later waits for that. */
      pinned: optional(described),
      /** What the server says now, where that is something else. */
      offered: optional(described),
    }),
    { max: 10_000 },
  ),
})

/** What is on disk for one server. */
export type PinFile = Infer<typeof pinFileShape>
export type Pin = PinFile['tools'][number]

/** Undefined where there is none yet. Throws INVALID_CONFIG: a file that cannot be read must not be taken for none. */
export function readPins(file: string): PinFile | undefined {
  if (!existsSync(file)) return undefined
  try {
    const pins = parse(pinFileShape, parseJson(readFileSync(file, 'utf8')), file)
    for (const { name, pinned, offered } of pins.tools)
      for (const one of [pinned, offered])
        if (one !== undefined && digestBytes(one.definition) !== one.digest)
          throw new HoldpointError(
            'INVALID_CONFIG',
            `the digest of ${JSON.stringify(name)} is not that of its definition`,
          )
    return pins
  } catch (cause) {
    throw new HoldpointError(
      'INVALID_CONFIG',
      `${file} cannot be used as a pin file: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

export function writePins(file: string, pins: PinFile): void {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(pins, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, file)
}

export interface Pins {
  compare(name: string, digest: Digest): 'pinned' | 'changed' | 'new'
  /** Takes down what the server says now. On first use that is what is pinned, until the list has ended once. */
  see(definitions: readonly Definition[], isLast: boolean): void
}

interface PinsDeps {
  now: () => number
  /** For people: what was pinned, what has changed. */
  say: (text: string) => void
}

/** Throws INVALID_CONFIG where the file cannot be read, or could not be written later. */
export function openPins(file: string, server: string, { now, say }: PinsDeps): Pins {
  ensureWritable(file)
  let current = readPins(file)
  let isFirstUse = current === undefined

  function see(definitions: readonly Definition[], isLast: boolean): void {
    // Another gateway may have written it, or somebody has accepted a change.
    current = readPins(file) ?? current
    const since = new Date(now()).toISOString()
    const tools = new Map(current?.tools.map((pin) => [pin.name, pin]))
    let pinnedNow = 0
    let isNews = false
    for (const { name, digest, text: definition } of definitions) {
      const before = tools.get(name)
      const fresh = { digest, definition, since }
      if (before?.pinned?.digest === digest) {
        if (before.offered === undefined) continue
        tools.set(name, { name, pinned: before.pinned })
      } else if (before === undefined && isFirstUse) {
        tools.set(name, { name, pinned: fresh })
        pinnedNow++
      } else {
        if (before?.offered?.digest === digest) continue
        tools.set(name, { ...before, name, offered: fresh })
        say(
          `the tool ${JSON.stringify(name)} of ${server} ${before?.pinned ? 'has changed' : 'is new'}: its calls are held until \`holdpoint mcp accept\``,
        )
      }
      isNews = true
    }
    if (isNews) {
      current = { v: 1, server, tools: [...tools.values()] }
      writePins(file, current)
    }
    if (pinnedNow > 0)
      say(`first use: ${pinnedNow} tools of ${server} are pinned as the server describes them now`)
    if (isLast) isFirstUse = false
  }

  const pinnedDigest = (name: string) => current?.tools.find((pin) => pin.name === name)?.pinned?.digest

  return {
    see,
    compare(name, digest) {
      if (pinnedDigest(name) === digest) return 'pinned'
      current = readPins(file) ?? current
      const pinned = pinnedDigest(name)
      if (pinned === undefined) return 'new'
      return pinned === digest ? 'pinned' : 'changed'
    },
  }
}

function ensureWritable(file: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    accessSync(dirname(file), constants.W_OK)
  } catch (cause) {
    throw new HoldpointError(
      'INVALID_CONFIG',
      `the pin file ${file} cannot be written (${(cause as NodeJS.ErrnoException).code}): name another with --pins, or the data folder with HOLDPOINT_DATA_DIR`,
      { cause },
    )
  }
}
