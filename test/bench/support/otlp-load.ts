import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { ATTR, type DecidedEntry, type LedgerEntry } from '#contract'
import { type Sample, writeValue } from '../../pipeline/encode.ts'
import { APPROVED_ATTRIBUTES, decided, outcome, requested, spent } from '../../pipeline/entries.ts'
import { EPOCH } from '../../support/house.ts'

/** What the spans of a request are like. */
export interface Shape {
  spans: number
  attributes: number
  services: number
  /** One in so many stands for an action that was approved; 0 for none. */
  heldOneIn: number
  /** Those spans say the same, byte for byte as long, under names that nobody judges; the ledger has their actions. */
  disguised?: boolean
}

/** A request that can be sent again and again, each time under other ids, without being encoded again. */
export interface Request {
  spans: number
  /** Of them, those that a verdict is found on. */
  held: number
  bytes: Buffer
  /** Makes all ids in `bytes` those of this turn, a number below 2^31, and resolves what the ledger has of its actions. */
  stamp(turn: number): LedgerEntry[]
}

const SPANS_A_TRACE = 8
const WAITED_MS = 900_000
const KIND_SERVER = 2
/** Where ids stand in the bytes; overwritten by the turn. */
const MARK = Buffer.from([0xf5, 0x9a, 0xf6, 0xc3])
const MARK_IN_TEXT = 'zqxjzqxj'

export function createRequest(shape: Shape, nowMs: number): Request {
  const { spans, attributes, services, heldOneIn, disguised = false } = shape
  const writer = new BinaryWriter()
  const held: number[] = []
  for (let service = 0; service < services; service++)
    message(writer, 1, () => {
      message(writer, 1, () => writeAttributes(writer, 1, resourceOf(service)))
      message(writer, 2, () => {
        message(writer, 1, () =>
          writer.tag(1, WireType.LengthDelimited).string('@opentelemetry/instrumentation-http'),
        )
        for (let nth = service; nth < spans; nth += services) {
          const isHeld = heldOneIn > 0 && nth % heldOneIn === 0
          if (isHeld) held.push(nth)
          const span = isHeld ? heldSpan(nth, disguised) : serverSpan(nth, attributes)
          message(writer, 2, () => writeSpan(writer, nth, nowMs, span))
        }
      })
    })
  const bytes = Buffer.from(writer.finish())
  const marks = [...offsetsOf(bytes, MARK)]
  const textMarks = [...offsetsOf(bytes, Buffer.from(MARK_IN_TEXT))]
  return {
    spans,
    held: disguised ? 0 : held.length,
    bytes,
    stamp(turn) {
      for (const at of marks) bytes.writeUInt32BE(turn, at)
      for (const at of textMarks) bytes.write(lettersOf(turn), at, 'latin1')
      return held.flatMap((nth) => entriesOf(turn, nth, nowMs))
    },
  }
}

interface Said {
  name: string
  attributes: Record<string, Sample>
}

function writeSpan(writer: BinaryWriter, nth: number, nowMs: number, { name, attributes }: Said): void {
  const startNs = BigInt(nowMs - 1_000) * 1_000_000n + BigInt(nth) * 7_919n
  writer.tag(1, WireType.LengthDelimited).bytes(traceId(MARK, nth))
  writer.tag(2, WireType.LengthDelimited).bytes(spanId(MARK, nth))
  writer.tag(4, WireType.LengthDelimited).bytes(Buffer.alloc(8, nth % SPANS_A_TRACE))
  writer.tag(5, WireType.LengthDelimited).string(name)
  writer.tag(6, WireType.Varint).int32(KIND_SERVER)
  writer.tag(7, WireType.Bit64).fixed64(startNs)
  writer.tag(8, WireType.Bit64).fixed64(startNs + 3_000_000n + BigInt(nth * 977))
  writeAttributes(writer, 9, attributes)
  message(writer, 15, () => writer.tag(3, WireType.Varint).int32(nth % 50 === 0 ? 2 : 0))
}

/** The first four bytes say which turn, the last four which span. */
function spanId(turn: Buffer, nth: number): Buffer {
  const id = Buffer.alloc(8)
  turn.copy(id)
  id.writeUInt32BE(nth, 4)
  return id
}

function traceId(turn: Buffer, nth: number): Buffer {
  const id = Buffer.alloc(16, 0x11)
  turn.copy(id)
  id.writeUInt32BE(Math.floor(nth / SPANS_A_TRACE), 12)
  return id
}

const resourceOf = (service: number): Record<string, Sample> => ({
  'service.name': `service-${service}`,
  'service.version': '2.14.1',
  'deployment.environment.name': 'prod',
  'host.name': `node-${service % 40}.eu-central-1.internal`,
  'telemetry.sdk.language': 'nodejs',
})

const serverSpan = (nth: number, attributes: number): Said => ({
  name: `GET /api/v1/orders/:id/${nth % 20}`,
  attributes: attributesOf(nth, attributes),
})

/** Twelve as servers have them, then more of the same size. */
function attributesOf(nth: number, count: number): Record<string, Sample> {
  const all: [string, Sample][] = [
    ['http.request.method', 'GET'],
    ['url.path', `/api/v1/orders/${100_000 + nth}`],
    ['http.response.status_code', BigInt(nth % 50 === 0 ? 500 : 200)],
    ['http.route', `/api/v1/orders/:id/${nth % 20}`],
    ['server.address', 'orders.internal'],
    ['server.port', 8443n],
    ['url.scheme', 'https'],
    ['network.protocol.version', '1.1'],
    ['client.address', `10.4.${nth % 250}.${(nth * 7) % 250}`],
    ['user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36'],
    ['http.response.body.size', BigInt(512 + (nth % 4_096))],
    ['app.tenant.id', `tenant-${nth % 300}`],
  ]
  for (let more = all.length; more < count; more++)
    all.push([`app.detail.number_${more}`, `value-${(nth * more) % 1_000}`])
  return Object.fromEntries(all.slice(0, count))
}

function heldSpan(nth: number, disguised: boolean): Said {
  const attributes = { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: requestIdOf(MARK_IN_TEXT, nth) }
  const nameOf = (name: string) => (disguised ? `x${name.slice(1)}` : name)
  return {
    name: nameOf('execute_tool export_customers'),
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [nameOf(name), value])),
  }
}

const requestIdOf = (turn: string, nth: number): string =>
  `${EPOCH}-${'bench'.padEnd(10, 'a')}${lettersOf(nth)}${turn}`

/** Eight letters, as ids of requests have them. */
const lettersOf = (value: number): string =>
  [...value.toString(16).padStart(8, '0')]
    .map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)))
    .join('')

function entriesOf(turn: number, nth: number, nowMs: number): LedgerEntry[] {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(turn)
  const requestId = requestIdOf(lettersOf(turn), nth)
  const trace = { traceId: traceId(bytes, nth).toString('hex'), spanId: spanId(bytes, nth).toString('hex') }
  // They have waited for a while, as people let them: what begins to wait is written down besides.
  const at = nowMs - WAITED_MS
  const approved: DecidedEntry = decided({ requestId, at: at + 1 })
  return [
    requested({ requestId, at, trace, expiresAt: nowMs + 3_600_000 }),
    approved,
    spent({ requestId, at: at + 2, trace }),
    outcome({ requestId, at: at + 3 }),
  ]
}

function* offsetsOf(bytes: Buffer, mark: Buffer): Iterable<number> {
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) yield at
}

function writeAttributes(writer: BinaryWriter, no: number, values: Record<string, Sample>): void {
  for (const [key, value] of Object.entries(values))
    message(writer, no, () => {
      writer.tag(1, WireType.LengthDelimited).string(key)
      message(writer, 2, () => writeValue(writer, value))
    })
}

function message(writer: BinaryWriter, no: number, write: () => void): void {
  writer.tag(no, WireType.LengthDelimited).fork()
  write()
  writer.join()
}
