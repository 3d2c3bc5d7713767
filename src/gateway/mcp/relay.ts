import type { Gate } from '#gate'
import { CODE, errorAnswer } from './answers.ts'
import { type Call, startCall } from './call.ts'
import { continues, createContinuations } from './continuations.ts'
import {
  type Fault,
  type JsonObject,
  keyOf,
  type Message,
  type RequestId,
  readLine,
  TOOLS_CALL,
  type Understood,
} from './message.ts'
import { createPeers } from './peers.ts'
import { readToolCall, type ToolCall, writeToolCall } from './tool-call.ts'
import type { Tools } from './tools.ts'

/** What stands between one client and one server: it is given their lines, and says what goes to whom. */
export interface Relay {
  fromClient(line: Buffer): void
  fromServer(line: Buffer): void
  /** A line of the client's that was too long to be read. */
  tooLong(maxBytes: number): void
  /** Nobody is left to want anything: what is held is taken back. */
  clientGone(): void
  /** The server is being ended: what is held is taken back and answered, what was sent may still be. */
  stopping(why: string): void
  /** Whoever waits for an answer gets one. */
  serverGone(why: string): void
}

export interface RelayDeps {
  gate: Pick<Gate, 'ask'>
  tools: Tools
  /** What the operator calls the server. */
  name: string
  /** Random, for each gateway another. */
  nonce: string
  toServer(line: string | Buffer): void
  toClient(line: string | Buffer): void
  progressEveryMs: number
  warn(text: string, error?: unknown): void
}

/** A request of the client's that waits for its answer. */
interface Pending {
  id: RequestId
  method: string
  isFirstPage: boolean
  call?: Call
  asked?: ToolCall
}

/** More than any honest client has at once. */
const MAX_PENDING = 10_000

export function createRelay(deps: RelayDeps): Relay {
  const { tools, toServer, warn } = deps
  const peers = createPeers(deps.name)
  const pending = new Map<string, Pending>()
  const continuations = createContinuations()
  let calls = 0

  const tell = (message: JsonObject): void => deps.toClient(JSON.stringify(message))
  const refuse = (id: RequestId | null, code: number, why: string): void => tell(errorAnswer(id, code, why))

  function fromClient(line: Buffer): void {
    const read = readLine(line, 'client')
    if (read === undefined) return
    const fault = 'fault' in read ? read : faultIn(read)
    if (fault !== undefined) {
      for (const id of fault.ids) refuse(id, CODE.invalidRequest, `refused: ${fault.fault}`)
    } else admit(read as Understood, line)
  }

  function admit({ messages, isCall }: Understood, line: Buffer): void {
    if (isCall) takeCall(messages[0] as Message)
    else if (messages.map(noticeFromClient).includes(true)) toServer(line)
  }

  /** What only who knows what is under way can tell. */
  function faultIn({ messages, isBatch }: Understood): Fault | undefined {
    const requests = messages.filter(({ id, method }) => method !== undefined && id !== undefined)
    const ids = requests.map(({ id }) => id as RequestId)
    const keys = ids.map(keyOf)
    // An answer to such an id would be taken for the answer to its first use.
    if (new Set(keys).size < keys.length || keys.some((key) => pending.has(key)))
      return { fault: 'this id waits for its answer already', ids: [null] }
    if (pending.size + keys.length > MAX_PENDING)
      return { fault: `${MAX_PENDING} requests wait for their answers`, ids }
    if (isBatch && messages.some(({ method }) => method === TOOLS_CALL))
      return { fault: 'tools/call inside a batch; send it by itself', ids }
    return undefined
  }

  /** Whether the server is to hear of it. */
  function noticeFromClient({ id, method, params = {} }: Message): boolean {
    if (method === undefined) return true
    if (id !== undefined) {
      pending.set(keyOf(id as RequestId), {
        id: id as RequestId,
        method,
        isFirstPage: params.cursor === undefined,
      })
      if (method === 'initialize') peers.noteClient(params.clientInfo)
      return true
    }
    if (method !== 'notifications/cancelled') return true
    const { requestId } = params
    if (typeof requestId !== 'string' && typeof requestId !== 'number') return true
    return cancel(keyOf(requestId))
  }

  function cancel(key: string): boolean {
    const { call } = pending.get(key) ?? {}
    pending.delete(key)
    const wasHeld = call?.isHeld() ?? false
    call?.cancel()
    // The server has never heard of what was held.
    return !wasHeld
  }

  function takeCall(message: Message): void {
    const asked = readToolCall(message)
    if (typeof asked === 'string') {
      refuse(message.id as RequestId, CODE.invalidParams, `refused: ${asked}`)
    } else if (!continues(asked)) {
      begin(asked)
    } else if (continuations.take(asked)) {
      pending.set(keyOf(asked.id), { id: asked.id, method: TOOLS_CALL, isFirstPage: false, asked })
      toServer(writeToolCall(asked, asked.arguments ?? {}))
    } else {
      refuse(asked.id, CODE.invalidParams, 'refused: answers to a question that was not asked here, or again')
    }
  }

  function begin(asked: ToolCall): void {
    const entry: Pending = { id: asked.id, method: TOOLS_CALL, isFirstPage: false, asked }
    const key = keyOf(asked.id)
    const isWanted = () => pending.get(key) === entry
    pending.set(key, entry)
    entry.call = startCall(asked, {
      gate: deps.gate,
      tools,
      attempt: `${deps.nonce}-${++calls}`,
      target: peers.target,
      agentName: peers.clientName(asked.meta),
      send: toServer,
      answer(answer) {
        if (!isWanted()) return
        pending.delete(key)
        tell(answer)
      },
      notify(notification) {
        if (isWanted()) tell(notification)
      },
      progressEveryMs: deps.progressEveryMs,
      warn,
    })
  }

  function fromServer(line: Buffer): void {
    const read = readLine(line, 'server')
    if (read === undefined) return
    const [first] = 'fault' in read ? [] : read.messages
    if ('fault' in read) {
      drop(read)
    } else if (!read.isBatch && isAnswer(first as Message) && tools.takeAnswer(first as Message)) {
      peers.noteServer('tools/list', first?.result)
    } else if (read.messages.some((message) => isAnswer(message) && !isAwaited(message))) {
      warn('the server answered what nobody waits for; that is not passed on')
    } else {
      deps.toClient(line)
      for (const message of read.messages) noticeFromServer(message)
    }
  }

  /** An error without an id is about something that the server could not read. */
  function isAwaited({ id }: Message): boolean {
    if (id === null || id === undefined) return true
    const entry = pending.get(keyOf(id))
    return entry !== undefined && entry.call?.isHeld() !== true
  }

  function noticeFromServer(message: Message): void {
    const { id, method, result } = message
    if (method === 'notifications/tools/list_changed') tools.outdated()
    if (method !== undefined || id === null || id === undefined) return
    const entry = pending.get(keyOf(id))
    if (entry === undefined) return
    pending.delete(keyOf(id))
    if (entry.method === 'tools/list') tools.observe(message, entry.isFirstPage)
    peers.noteServer(entry.method, result)
    if (entry.asked !== undefined) continuations.note(entry.asked, result)
    entry.call?.answered(message)
  }

  /** Whoever reads it otherwise than we do must not get it; whoever waits for it is told. */
  function drop({ fault, ids }: Fault): void {
    warn(`what the server wrote is no message, and is not passed on: ${fault}`)
    const awaited = ids.flatMap((id) => (id === null ? [] : (pending.get(keyOf(id)) ?? [])))
    for (const entry of awaited)
      if (!entry.call?.isHeld()) lose(entry, 'the server’s answer is no message', 'malformed_answer')
  }

  function lose(entry: Pending, why: string, errorType: string): void {
    if (entry.call) entry.call.lost(why, errorType)
    else {
      pending.delete(keyOf(entry.id))
      refuse(entry.id, CODE.internal, why)
    }
  }

  return {
    fromClient,
    fromServer,
    tooLong: (maxBytes) => refuse(null, CODE.invalidRequest, `refused: a line longer than ${maxBytes} bytes`),
    clientGone() {
      for (const [key, { call }] of [...pending]) if (call?.isHeld()) cancel(key)
    },
    stopping(why) {
      for (const entry of [...pending.values()]) if (entry.call?.isHeld()) lose(entry, why, 'not_run')
    },
    serverGone(why) {
      tools.serverGone()
      for (const entry of [...pending.values()]) lose(entry, why, 'server_ended')
    },
  }
}

const isAnswer = ({ method }: Message): boolean => method === undefined
