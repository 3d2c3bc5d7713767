import type { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Output, Outputs, Turn } from './driver.ts'
import { PARAMETERS } from './driver.ts'

/** What the SDKs of both versions, client and server, have in common here. */
export interface McpClass<T> {
  new (info: { name: string; version: string }, options?: object): T
  prototype: object
}
export interface McpClient {
  connect(transport: never): Promise<void>
  callTool(params: object, ...more: unknown[]): Promise<unknown>
  listTools(): Promise<{ tools: object[] }>
  close(): Promise<void>
  setRequestHandler(...given: never[]): void
  experimental?: unknown
}
export interface McpServer {
  connect(transport: never): Promise<void>
  registerTool(name: string, config: object, handler: (given: never) => Promise<object>): unknown
  executeToolHandler(tool: object, args: unknown, context: object): Promise<object>
  server: {
    setRequestHandler(...given: never[]): void
    removeRequestHandler(method: string): void
    fallbackRequestHandler?: (request: never) => Promise<object>
  }
}
interface Transport {
  sessionId?: string | undefined
  send(message: never, options?: object): Promise<void>
}

export interface Pair {
  Client: McpClass<McpClient>
  Server: McpClass<McpServer>
  InMemoryTransport: { createLinkedPair(): [Transport, Transport] }
  /** v1 takes the schema of a result before the options. */
  version: 1 | 2
}

/** A real client calls the tools of a real server in the same process, all at once, over a session of their own. */
export async function runTurn(pair: Pair, turn: Turn, options: object): Promise<Outputs> {
  const client = await connect(
    pair,
    turn.agent ?? 'app',
    (server) => {
      for (const [name, execute] of Object.entries(turn.tools))
        server.registerTool(name, { inputSchema: PARAMETERS }, async (given: never) => ({
          content: [{ type: 'text', text: await execute(given) }],
        }))
    },
    turn,
  )
  try {
    const outputs = turn.calls.map(async ({ id, name, arguments: given }) => {
      const result = await (turn.stream === true ? stream : call)(
        pair,
        client,
        { name, arguments: given },
        options,
      )
      return [id, outputOf(result)] as const
    })
    return Object.fromEntries(await Promise.all(outputs))
  } finally {
    await client.close()
  }
}

/** A client of a server that is told what its tools are before they meet. */
export async function connect(
  pair: Pair,
  clientName: string,
  prepare: (server: McpServer) => void,
  session: Pick<Turn, 'conversation' | 'user'> = {},
  {
    capabilities = {},
    onElicit,
  }: { capabilities?: object; onElicit?: (request: never) => Promise<object> } = {},
): Promise<McpClient> {
  const server = new pair.Server({ name: 'crm', version: '2.0.1' }, { capabilities: { tools: {} } })
  prepare(server)
  const [ours, theirs] = pair.InMemoryTransport.createLinkedPair()
  await server.connect(theirs as never)
  const client = new pair.Client({ name: clientName, version: '1.0.0' }, { capabilities })
  if (onElicit !== undefined)
    client.setRequestHandler(
      (pair.version === 1 ? ElicitRequestSchema : 'elicitation/create') as never,
      onElicit as never,
    )
  await client.connect(ours as never)
  signIn([ours, theirs], session)
  return client
}

type Call = (pair: Pair, client: McpClient, params: object, options?: object) => Promise<unknown>

export const call: Call = ({ version }, client, params, options) =>
  version === 1 ? client.callTool(params, undefined, options) : client.callTool(params, options)

const stream: Call = async (_pair, client, params, options) => {
  const { tasks } = client.experimental as ClientV1['experimental']
  for await (const message of tasks.callToolStream(params as never, undefined, options)) {
    if (message.type === 'result') return message.result
    if (message.type === 'error') throw message.error
  }
  throw new Error('the stream had no result')
}

/** As a transport over HTTP does, once there is a session. */
function signIn(
  [ours, theirs]: [Transport, Transport],
  { conversation, user }: Pick<Turn, 'conversation' | 'user'>,
): void {
  ours.sessionId = theirs.sessionId = conversation
  if (user === undefined) return
  const send = ours.send.bind(ours)
  const authInfo = { token: 't', clientId: 'a-program', scopes: [], extra: { sub: user } }
  ours.send = (message, options) => send(message, { ...options, authInfo })
}

function outputOf(result: unknown): Output {
  const { content, isError = false } = result as { content: { text: string }[]; isError?: boolean }
  return { text: content.map(({ text }) => text).join(''), isError }
}
