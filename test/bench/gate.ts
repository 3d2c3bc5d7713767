import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { context, type Span, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { createGate, type Gate, type GateAttempt } from '#gate'
import { configFor } from '../support/gate-scene.ts'
import { startNats } from '../support/nats.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'

export const summary =
  'What the gate adds to an allowed action, beside the same span without it: 200 rules, 20 of them with a condition.'

export interface GateBench {
  name: 'gate'
  /** Creating and ending the same span, with the same attributes, around the same call. */
  plainSpanP50Us: number
  allowedP50Us: number
  allowedP99Us: number
  addedP50Us: number
  /** What an action costs for which two `when` are evaluated, beside the plain span. */
  whenAddedP50Us: number
  /** What the heap has more, all garbage collected, after a million allowed actions (`--n` of them). */
  heapGrowthMb: number
}

const ROUNDS = 300
const CALLS_A_ROUND = 100
const WARM_UP_ROUNDS = 60

/** 200 rules, 20 of them with `when`; 1 KiB of arguments; the real SDK with its batch processor. */
export async function run({ n = 1_000_000 }: { n?: number | undefined } = {}): Promise<GateBench> {
  const provider = new TracerProvider({
    spanProcessors: [new BatchSpanProcessor({ exporter: nullExporter() })],
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const nats = await startNats()
  const broker = createScriptedBroker({ policy: policyOf200Rules() })
  await broker.start(nats.url)
  const gate = createGate(configFor(broker, nats.url), { now: Date.now })
  await gate.start()
  try {
    return { ...(await measure(gate)), heapGrowthMb: await heapGrowth(gate, n) }
  } finally {
    await gate.stop()
    await broker.stop()
    await nats.stop()
    await provider.shutdown()
    trace.disable()
    context.disable()
  }
}

async function measure(gate: Gate): Promise<Omit<GateBench, 'heapGrowthMb'>> {
  const allowed = attemptOf('read_record')
  const conditional = attemptOf('pay_invoice')
  for (const attempt of [allowed, conditional]) {
    const held = await gate.hold(attempt, () => undefined)
    if (!held.ran) throw new Error(`not allowed: ${held.refusal.message}`)
  }
  const plain: number[] = []
  const gated: number[] = []
  const gatedWhen: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    // Interleaved, so that whatever else the machine does falls on all three alike.
    const kept = round >= 0
    await time(() => plainSpan(allowed), kept ? plain : [])
    await time(() => gate.hold(allowed, () => undefined), kept ? gated : [])
    await time(() => gate.hold(conditional, () => undefined), kept ? gatedWhen : [])
  }
  const plainSpanP50Us = quantile(plain, 0.5)
  const allowedP50Us = quantile(gated, 0.5)
  return {
    name: 'gate',
    plainSpanP50Us,
    allowedP50Us,
    allowedP99Us: quantile(gated, 0.99),
    addedP50Us: rounded(allowedP50Us - plainSpanP50Us),
    whenAddedP50Us: rounded(quantile(gatedWhen, 0.5) - plainSpanP50Us),
  }
}

/** After as many calls again as fill caches, pools and compiled code. */
async function heapGrowth(gate: Gate, calls: number): Promise<number> {
  const attempt = attemptOf('read_record')
  const call = async (times: number): Promise<number> => {
    for (let done = 0; done < times; done++) {
      // As programs do it: each call has an id of its own.
      await gate.hold({ ...attempt, attempt: `call-${done}` }, () => undefined)
      if (done % CALLS_A_ROUND === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    for (let again = 0; again < 3; again++) collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await call(Math.ceil(calls / 10))
  return rounded(((await call(calls)) - before) / 2 ** 20)
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

async function time(call: () => Promise<unknown>, into: number[]): Promise<void> {
  for (let n = 0; n < CALLS_A_ROUND; n++) {
    const startedAt = performance.now()
    await call()
    into.push((performance.now() - startedAt) * 1000)
  }
  // The batch processor exports between rounds, not inside a measurement.
  await new Promise<void>((resolve) => setImmediate(resolve))
}

/** The span that a program without a gate would make around its tool call. */
async function plainSpan({ name, kind, attempt }: GateAttempt): Promise<void> {
  const active = context.active()
  const span: Span = trace.getTracer('plain').startSpan(
    `execute_tool ${name}`,
    {
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': name,
        'gen_ai.tool.call.id': attempt as string,
        kind,
        ruling: 'allow',
        rule: 'rule-7',
        version: 1,
        enforcement: 'in-process:shop-agent',
        digest: `sha-256:${'0'.repeat(64)}`,
      },
    },
    active,
  )
  await context.with(trace.setSpan(active, span), async () => undefined)
  span.setAttribute('outcome', 'executed')
  span.end()
}

const attemptOf = (name: string): GateAttempt => ({
  kind: 'tool',
  name,
  arguments: {
    region: 'eu',
    amount: 20,
    note: 'x'.repeat(820),
    fields: ['id', 'name', 'mail'],
    limit: 100,
    page: { size: 50, of: 3 },
  },
  attempt: 'call-1',
})

function policyOf200Rules(): string {
  const rules = Array.from({ length: 180 }, (_, n) =>
    n === 90
      ? '  - { id: read, match: { kind: tool, name: read_record }, effect: allow }'
      : `  - { id: rule-${n}, match: { kind: tool, name: "tool_${n}${n % 3 === 0 ? '_*' : ''}" }, effect: hold }`,
  )
  const conditions = Array.from(
    { length: 18 },
    (_, n) =>
      `  - { id: when-${n}, match: { kind: tool, name: other_${n} }, when: action.arguments.amount <= ${n}.0, effect: allow }`,
  )
  return `
holdpoint: 1
mode: enforce
defaults: { effect: hold, approvals: { from: [sre], threshold: 1, assurance: login } }
groups: { sre: ["oidc:https://idp.example.com#group/sre"] }
rules:
${[...rules, ...conditions].join('\n')}
  - { id: first, match: { kind: tool, name: pay_invoice }, when: action.arguments.amount > 1000.0, effect: hold }
  - { id: second, match: { kind: tool, name: pay_invoice }, when: action.arguments.region == "eu", effect: allow }
`
}

const nullExporter = (): SpanExporter => ({
  export: (_spans, done) => done({ code: 0 }),
  forceFlush: async () => {},
  shutdown: async () => {},
})

function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN)
}

const rounded = (us: number): number => Math.round(us * 100) / 100
