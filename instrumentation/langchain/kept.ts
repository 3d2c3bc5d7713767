import type { PendingApproval } from '#gate'
import { isAbout, type LangChainAttempt } from './attempt.ts'
import type { Config } from './sdk.ts'

/**
 * A task that goes on for another call of its turn runs anew, up to the same interrupt: what was asked then is read from
 * where the graph keeps its state, and nobody is asked twice. What lies there is verified by the gate as any record is.
 */
export async function keptApproval(
  { configurable = {} }: Config,
  attempt: LangChainAttempt,
): Promise<PendingApproval | undefined> {
  const { __pregel_checkpointer: saver, thread_id, checkpoint_ns: namespace } = configurable
  // The task's own namespace is one below that of the graph which keeps its interrupts.
  const checkpoint_ns = typeof namespace === 'string' ? namespace.split('|').slice(0, -1).join('|') : ''
  try {
    const tuple = await (saver as Saver).getTuple({ configurable: { thread_id, checkpoint_ns } })
    const kept = (tuple?.pendingWrites ?? []).flatMap(([, channel, value]) =>
      channel === '__interrupt__' ? (value as { value?: unknown }[]) : [],
    )
    return kept.map(({ value }) => value).find((value) => isAbout(value, attempt)) as
      | PendingApproval
      | undefined
  } catch {
    return undefined
  }
}

interface Saver {
  getTuple(config: Config): Promise<{ pendingWrites?: [task: string, channel: string, value: unknown][] }>
}
