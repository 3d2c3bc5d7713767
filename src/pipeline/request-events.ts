import { setTimeout as sleep } from 'node:timers/promises'
import { ATTR, GEN_AI, type RequestedEntry } from '#contract'
import type { LedgerRecord } from '#ledger'
import type { Component, Log } from '#runtime'
import type { Store } from '#store'
import { toProtobuf } from './otlp/json.ts'
import { logBlocks } from './rows/logs.ts'

export interface RequestEvents extends Component {
  add(record: LedgerRecord): void
}

/**
 * Older entries are history that is copied, and each would be an insert of its own, at every start. It is also well
 * within what the table remembers of tokens: 10,000 inserts, while some lanes make ten of them a second.
 */
const FRESH_MS = 2 * 60_000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

/**
 * A log event `holdpoint.approval.requested` for each action that begins to wait, once: spans are exported when they
 * end, and who looks at a trace has to see what it waits for. Each is an insert under a token of its own, by epoch
 * and index, so that a second pipeline, or a restart, adds nothing.
 */
export function createRequestEvents(deps: {
  store: Pick<Store, 'insertRows'>
  now: () => number
  log: Log
}): RequestEvents {
  const { store, now, log } = deps
  const stopping = new AbortController()
  const queue: { token: string; entry: RequestedEntry }[] = []
  let pumping: Promise<void> | undefined

  async function pump(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; ) {
      const [next] = queue
      if (next === undefined || stopping.signal.aborted) return
      try {
        for (const block of logBlocks([eventOf(next.entry)])) await store.insertRows(block, next.token)
        queue.shift()
        waitMs = FIRST_WAIT_MS
      } catch (error) {
        log.warn('an event of a request cannot be stored; it waits', { waiting: queue.length, waitMs, error })
        await sleep(waitMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
      }
    }
  }

  function run(): void {
    pumping ??= pump().finally(() => {
      pumping = undefined
      if (queue.length > 0 && !stopping.signal.aborted) run()
    })
  }

  return {
    name: 'events of requests',
    add({ epoch, index, entry }) {
      if (entry.type !== 'requested' || entry.at < now() - FRESH_MS) return
      queue.push({ token: `holdpoint.approval.requested ${epoch} ${index} ${entry.requestId}`, entry })
      run()
    },
    async start() {},
    /** What is left is fresh after the next start, too. */
    async stop() {
      stopping.abort()
      await pumping
    },
  }
}

/** As OTLP: the rows of logs are made in one place. Names and ids only; the arguments are nobody's to read here. */
function eventOf(entry: RequestedEntry): Uint8Array {
  const { traceId, spanId } = entry.trace
  const isTraced = /[^0]/.test(traceId)
  return toProtobuf(
    'logs',
    Buffer.from(
      JSON.stringify({
        resourceLogs: [
          {
            resource: {
              attributes: attributes({
                'service.name': 'holdpoint',
                'deployment.environment.name': entry.environment,
              }),
            },
            scopeLogs: [
              {
                scope: { name: 'holdpoint.pipeline' },
                logRecords: [
                  {
                    timeUnixNano: `${BigInt(entry.at) * 1_000_000n}`,
                    observedTimeUnixNano: `${BigInt(entry.at) * 1_000_000n}`,
                    severityNumber: 9,
                    severityText: 'INFO',
                    eventName: 'holdpoint.approval.requested',
                    body: { stringValue: `${entry.agent.name} waits for approval of ${entry.name}` },
                    ...(isTraced ? { traceId, spanId } : {}),
                    attributes: attributes({
                      [ATTR.approvalId]: entry.requestId,
                      [GEN_AI.agentId]: entry.agent.sub,
                      [GEN_AI.agentName]: entry.agent.name,
                      [ATTR.actionKind]: entry.kind,
                      [GEN_AI.toolName]: entry.name,
                      [ATTR.actionTarget]: entry.target,
                      [ATTR.actionDigest]: entry.actionDigest,
                      [ATTR.ruling]: entry.ruling.effect,
                      [ATTR.policyRule]: entry.ruling.rule,
                      [ATTR.policyVersion]: String(entry.ruling.policyVersion),
                      [ATTR.enforcement]: entry.enforcement,
                    }),
                  },
                ],
              },
            ],
          },
        ],
      }),
    ),
  )
}

const attributes = (all: Record<string, string | undefined>): object[] =>
  Object.entries(all).flatMap(([key, stringValue]) =>
    stringValue === undefined ? [] : [{ key, value: { stringValue } }],
  )
