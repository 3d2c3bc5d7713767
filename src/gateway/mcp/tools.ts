import type { Digest } from '#contract'
import { type Definition, definitionOf } from './definition.ts'
import { isObject, type JsonObject, keyOf, type Message } from './message.ts'
import type { Pins } from './pins.ts'
import { envelopeOf } from './tool-call.ts'

/** What this gateway knows of the server's tools: all of it from answers to `tools/list`, whoever asked. */
export interface Tools {
  /** Before a call: the tool's digest, and why people should be asked although policy may allow it. */
  judge(name: string, meta: JsonObject): Judgement | Promise<Judgement>
  /** An answer to `tools/list`. */
  observe(answer: Message, isFirstPage: boolean): void
  /** The server says that its tools have changed. */
  outdated(): void
  /** Whether this answers a request of our own, so that it is none of the client's business. */
  takeAnswer(answer: Message): boolean
  /** Nobody is left to list any. */
  serverGone(): void
}

export interface Judgement {
  digest?: Digest
  doubt?: string
}

interface ToolsDeps {
  pins: Pins
  send(message: JsonObject): void
  /** Nobody can guess it: the client's ids and ours must not meet. */
  nonce: string
  timeoutMs: number
  warn(text: string, error?: unknown): void
}

const MAX_PAGES = 100

export function createTools({ pins, send, nonce, timeoutMs, warn }: ToolsDeps): Tools {
  const seen = new Map<string, Definition>()
  const ambiguous = new Set<string>()
  const asked = new Map<string, (answer: Message | undefined) => void>()
  let isComplete = false
  let isOutdated = false
  let isKept = true
  let listing: Promise<void> | undefined
  let requests = 0
  let isServerGone = false

  function judge(name: string, meta: JsonObject): Judgement | Promise<Judgement> {
    if (!isOutdated && (isComplete || seen.has(name))) return judgeNow(name)
    listing ??= listAll(meta).finally(() => {
      listing = undefined
    })
    return listing.then(() => judgeNow(name))
  }

  function judgeNow(name: string): Judgement {
    const one = seen.get(name)
    if (one === undefined) return { doubt: `The server does not list a tool ${JSON.stringify(name)}.` }
    const doubt = doubtOf(one)
    return { digest: one.digest, ...(doubt === undefined ? {} : { doubt }) }
  }

  function doubtOf({ name, digest }: Definition): string | undefined {
    if (ambiguous.has(name)) return 'The server lists two different tools by this name.'
    if (isOutdated) return 'The server says that its tools have changed, and does not list them.'
    if (!isKept) return 'What the server says of this tool could not be compared with what was pinned.'
    switch (pins.compare(name, digest)) {
      case 'pinned':
        return undefined
      case 'new':
        return 'The server did not have this tool when its tools were pinned.'
      case 'changed':
        return 'The server describes this tool otherwise than when it was pinned.'
    }
  }

  /** The client has not listed them, or not since they changed. What fails leaves doubt, and stops nobody. */
  async function listAll(meta: JsonObject): Promise<void> {
    let cursor: JsonObject[string] | undefined
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await ask({ ...(cursor === undefined ? {} : { cursor }), _meta: envelopeOf(meta) })
      if (answer === undefined) return warn('the server did not answer tools/list in time')
      observe(answer, page === 0)
      cursor = isObject(answer.result) ? answer.result.nextCursor : undefined
      if (cursor === undefined || cursor === null) return
    }
    warn(`the server’s list of tools has more than ${MAX_PAGES} pages`)
  }

  function ask(params: JsonObject): Promise<Message | undefined> {
    const id = `holdpoint-${nonce}-${++requests}`
    if (isServerGone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(undefined), timeoutMs)
      const finish = (answer: Message | undefined): void => {
        clearTimeout(timer)
        asked.delete(id)
        resolve(answer)
      }
      asked.set(id, finish)
      send({ jsonrpc: '2.0', id, method: 'tools/list', params })
    })
  }

  function observe({ result, error }: Message, isFirstPage: boolean): void {
    if (!isObject(result) || !Array.isArray(result.tools)) {
      // A server without tools says so by an error.
      if (error !== undefined) isComplete = true
      return
    }
    const definitions = result.tools.flatMap((tool) => definitionOf(tool) ?? [])
    if (isFirstPage) ambiguous.clear()
    const inThisPage = new Map<string, Digest>()
    for (const definition of definitions) {
      const { name, digest } = definition
      if ((inThisPage.get(name) ?? digest) !== digest) ambiguous.add(name)
      inThisPage.set(name, digest)
      seen.set(name, definition)
    }
    const isLast = result.nextCursor === undefined || result.nextCursor === null
    try {
      pins.see(definitions, isLast)
      isKept = true
    } catch (error) {
      isKept = false
      warn('the pin file cannot be used; every tool counts as changed', error)
    }
    if (!isLast) return
    isComplete = true
    isOutdated = false
  }

  return {
    judge,
    observe,
    outdated() {
      isOutdated = true
    },
    takeAnswer(answer) {
      const finish = typeof answer.id === 'string' ? asked.get(keyOf(answer.id)) : undefined
      finish?.(answer)
      return finish !== undefined
    },
    serverGone() {
      isServerGone = true
      for (const finish of [...asked.values()]) finish(undefined)
    },
  }
}
