import { randomBytes } from 'node:crypto'
import { HoldpointError } from '#contract'
import { createGate } from '#gate'
import { type Command, createLog, createStack, createTelemetry, defineCommand, type LogLevel } from '#runtime'
import { gateConfigOf, pinFileOf, readGatewayConfig, SERVER_NAME, serverNameOf } from './configuration.ts'
import { runMcpGateway } from './gateway.ts'
import { openPins } from './pins.ts'
import { startServer } from './server-process.ts'

/** What the SDKs' own clients and servers take. */
const MAX_MESSAGE_BYTES = 10 * 2 ** 20

export const mcpCommand: Command = defineCommand({
  name: 'mcp',
  summary: 'Put an MCP server behind the gate: its tools are called when policy or people allow it',
  details:
    'An MCP client starts this instead of the server, which becomes its child: all messages are passed on, tools/call\n' +
    'is ruled on, held and refused. Needs HOLDPOINT_NATS_URL, HOLDPOINT_AGENT, HOLDPOINT_CREDENTIALS and HOLDPOINT_PIN,\n' +
    'as `holdpoint agent add NAME … --enforcement gateway` prints them. The server gets none of them.\n' +
    'Its tools are pinned as it describes them first; calls of one that changes are held until `holdpoint mcp accept`.',
  example: 'holdpoint mcp --name crm -- npx -y @acme/crm-server --region eu',
  positionals: [
    { name: 'COMMAND', description: 'The server, as the client would start it; after --' },
    { name: 'ARGS', description: 'Its arguments', optional: true, multiple: true },
  ],
  options: {
    name: {
      type: 'string',
      value: 'NAME',
      description: 'What policies and pins call the server (default: after the command)',
    },
    pins: {
      type: 'string',
      value: 'FILE',
      description: 'Where its tools are pinned (default: mcp-pins/NAME.json in the data folder)',
    },
    'max-message-bytes': {
      type: 'string',
      value: 'BYTES',
      description: 'The longest message of either side',
      default: String(MAX_MESSAGE_BYTES),
    },
  },
  async run({ options, positionals }, io) {
    const [command = '', ...args] = positionals
    const name = nameOf(options.name, positionals)
    const maxMessageBytes = bytesOf(options['max-message-bytes'])
    const config = readGatewayConfig(io)
    const gateConfig = gateConfigOf(io, config)
    const log = createLog({
      name: 'mcp',
      level: config.log.level as LogLevel,
      write: (line) => void io.stderr.write(line),
    })
    const pins = openPins(pinFileOf(name, config, options.pins, io.cwd), name, {
      now: io.now,
      say: (text) => log.warn(text),
    })
    const stack = createStack(log)
    try {
      await stack.start(createTelemetry({ name: 'mcp', env: io.env }))
      const gate = createGate(gateConfig, { now: io.now })
      await stack.start(gate)
      const { exitCode } = await runMcpGateway(
        { name, maxMessageBytes, nonce: randomBytes(12).toString('base64url') },
        {
          gate,
          pins,
          server: startServer(command, args, io.env),
          client: { stdin: io.stdin, stdout: io.stdout },
          log,
          signal: io.signal,
        },
      )
      // The server's own: to its client this process is the server.
      return { passedOn: exitCode }
    } finally {
      await stack.stop()
    }
  },
})

function nameOf(given: string | undefined, command: readonly string[]): string {
  const name = given ?? serverNameOf(command)
  if (name !== undefined && SERVER_NAME.test(name)) return name
  throw new HoldpointError(
    'INVALID_INPUT',
    given === undefined
      ? 'the command does not say what the server is called: give it a name with --name'
      : `--name ${JSON.stringify(given)}, expected letters, digits, and . _ - @ / inside, at most 100`,
  )
}

function bytesOf(text: string): number {
  const bytes = Number(text)
  if (Number.isSafeInteger(bytes) && bytes >= 1_024) return bytes
  throw new HoldpointError(
    'INVALID_INPUT',
    `--max-message-bytes ${text}, expected a whole number, at least 1024`,
  )
}
