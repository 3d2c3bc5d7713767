import { connect } from '@nats-io/transport-node'
import { decodeReply } from '#contract'
import type { Connect } from '../../../src/gate/connection.ts'

/** What somebody was told is so. From then on the ledger has to say so, whoever dies. */
export interface Acknowledged {
  what: 'requested' | 'review' | 'decided' | 'spent' | 'outcome'
  requestId: string
  /** Where it stands, if that was said. */
  place?: { index: number; leaf: string }
  atMs: number
}

export interface Witness {
  acknowledged: Acknowledged[]
  /** In a gate's place: sees what the broker answers it. */
  connect: Connect
}

export function createWitness(): Witness {
  const acknowledged: Acknowledged[] = []
  return {
    acknowledged,
    async connect(options) {
      const nc = await connect(options)
      const request = nc.request.bind(nc)
      nc.request = async (subject, payload, opts) => {
        const reply = await request(subject, payload, opts)
        const call = subject.split('.').at(-1) ?? ''
        acknowledged.push(...acknowledgedBy(call, String(payload), reply.string()))
        return reply
      }
      return nc
    },
  }
}

interface Reply {
  status?: string
  requestId?: string
  warrant?: string
  consumed?: string
}

function acknowledgedBy(call: string, asked: string, answered: string): Acknowledged[] {
  const atMs = Date.now()
  const reply = replyOf(answered)
  if (reply === undefined) return []
  const { requestId = reply.requestId ?? '' } = JSON.parse(asked) as { requestId?: string }
  if (call === 'request' && reply.status === 'held') return [{ what: 'requested', requestId, atMs }]
  if (call === 'claim' && reply.warrant)
    return [{ what: 'decided', requestId, place: claimsOf(reply.warrant).hp?.ledger as Place, atMs }]
  if (call === 'claim' && reply.status !== 'pending') return [{ what: 'decided', requestId, atMs }]
  if (call === 'consume' && reply.consumed)
    return [{ what: 'spent', requestId, place: claimsOf(reply.consumed).ledger as Place, atMs }]
  if (call === 'outcome') return [{ what: 'outcome', requestId, atMs }]
  return []
}

/** Undefined for an error, which acknowledges nothing. */
function replyOf(text: string): Reply | undefined {
  try {
    return decodeReply(text) as Reply
  } catch {
    return undefined
  }
}

type Place = { index: number; leaf: string }
const claimsOf = (jws: string): { hp?: { ledger: Place }; ledger?: Place } =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8'))
