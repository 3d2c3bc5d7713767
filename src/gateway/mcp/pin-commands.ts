import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createTwoFilesPatch } from 'diff'
import { HoldpointError, visible, visibleLine } from '#contract'
import { type Command, defineCommand, type Io, isConfirmed } from '#runtime'
import { pinFileOf, readGatewayConfig } from './configuration.ts'
import { type Pin, type PinFile, readPins, writePins } from './pins.ts'

const pinsOption = {
  type: 'string',
  value: 'FILE',
  description: 'Another pin file than the data folder’s',
} as const

const mcpPins = defineCommand({
  name: 'mcp pins',
  summary: 'Which tools of MCP servers are pinned, and what has changed since',
  example: 'holdpoint mcp pins crm',
  positionals: [{ name: 'NAME', description: 'The server; left out, all of them', optional: true }],
  options: {
    pins: pinsOption,
    json: { type: 'boolean', description: 'One JSON object on the last line of standard output' },
  },
  async run({ options, positionals: [name] }, io) {
    const found = filesOf(name, options.pins, io).map(read)
    if (options.json) io.stdout.write(`${JSON.stringify({ servers: found.map(summaryOf) })}\n`)
    else for (const pins of found) io.stdout.write(textOf(pins))
    if (found.length === 0)
      io.stderr.write('No server’s tools are pinned yet: that happens when its gateway first lists them.\n')
    return 0
  },
})

const mcpAccept = defineCommand({
  name: 'mcp accept',
  summary: 'Accept what an MCP server now says of a tool: its calls are ruled on as before',
  details: 'Shows the difference and asks. Gateways that run notice it with the next call.',
  example: 'holdpoint mcp accept crm export_customers',
  positionals: [
    { name: 'NAME', description: 'The server' },
    { name: 'TOOL', description: 'The tools that have changed, or are new', multiple: true },
  ],
  options: {
    pins: pinsOption,
    yes: { type: 'boolean', description: 'Do not ask' },
  },
  async run({ options, positionals: [name = '', ...tools] }, io) {
    const [file = ''] = filesOf(name, options.pins, io)
    const { tools: known } = read(file)
    const wanted = tools.map((tool) => offeredOf(tool, known))
    for (const pin of wanted) io.stdout.write(differenceOf(pin))
    const asks = `Accept ${wanted.length === 1 ? 'this' : 'these'}?`
    const question = { asks, nobody: 'Nobody is here to ask: use --yes.', no: 'Nothing is accepted.' }
    if (!(options.yes || (await isConfirmed(io, question)))) return 1
    // Read again: the server may have said something else by now, and that nobody has seen.
    const current = read(file)
    writePins(file, { ...current, tools: current.tools.map((pin) => acceptedIn(pin, wanted)) })
    return 0
  },
})

function acceptedIn(pin: Pin, wanted: readonly Pin[]): Pin {
  const offered = wanted.find(({ name }) => name === pin.name)?.offered
  if (offered === undefined) return pin
  const isStillOffered = pin.offered?.digest === offered.digest
  return {
    name: pin.name,
    pinned: offered,
    ...(isStillOffered || !pin.offered ? {} : { offered: pin.offered }),
  }
}

function offeredOf(tool: string, known: readonly Pin[]): Pin {
  const pin = known.find(({ name }) => name === tool)
  if (pin?.offered) return pin
  const open = known.filter(({ offered }) => offered).map(({ name }) => visibleLine(name))
  throw new HoldpointError(
    'NOT_FOUND',
    `${visibleLine(tool)} ${pin ? 'is pinned, and has not changed' : 'is no tool that the server has listed'}; to accept there is: ${open.join(', ') || 'nothing'}`,
  )
}

function filesOf(name: string | undefined, given: string | undefined, io: Io): string[] {
  const config = readGatewayConfig(io)
  if (name !== undefined || given !== undefined) return [pinFileOf(name ?? '', config, given, io.cwd)]
  const folder = dirname(pinFileOf('x', config, undefined, io.cwd))
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => join(folder, file))
}

function read(file: string): PinFile {
  const pins = readPins(file)
  if (pins === undefined)
    throw new HoldpointError('NOT_FOUND', `${file} is not there: no gateway has listed this server’s tools`)
  return pins
}

const stateOf = ({ pinned, offered }: Pin): 'pinned' | 'changed' | 'new' => {
  if (offered === undefined) return 'pinned'
  return pinned === undefined ? 'new' : 'changed'
}

const summaryOf = ({ server, tools }: PinFile) => ({
  server,
  tools: tools.map((pin) => ({
    name: pin.name,
    state: stateOf(pin),
    digest: pin.pinned?.digest,
    offered: pin.offered?.digest,
  })),
})

const textOf = ({ server, tools }: PinFile): string =>
  [
    `${server}\n`,
    ...tools.map((pin) => `  ${stateOf(pin).padEnd(8)} ${visibleLine(pin.name)}\n`),
    ...tools.filter(({ offered }) => offered).map((pin) => `\n${differenceOf(pin)}`),
  ].join('')

/** The server wrote it, perhaps for those who read this: nothing in it is hidden. */
function differenceOf({ name, pinned, offered }: Pin): string {
  const pretty = (definition: string | undefined): string =>
    definition === undefined ? '' : `${JSON.stringify(JSON.parse(definition), null, 2)}\n`
  const patch = createTwoFilesPatch('pinned', 'now', pretty(pinned?.definition), pretty(offered?.definition))
  return `${visibleLine(name)}\n${visible(patch.slice(patch.indexOf('--- ')))}`
}

export const pinCommands: Command[] = [mcpPins, mcpAccept]
