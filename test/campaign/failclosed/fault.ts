/** One dependency in one state that it should not be in. */
export interface Fault<Scene> {
  dependency:
    | 'NATS'
    | 'broker'
    | 'identity provider'
    | 'policy'
    | 'key set'
    | 'clock'
    | 'payload store'
    | 'ledger'
  fault: string
  enforcementPoint: 'in-process gate' | 'broker'
  /** Refusals that are right here. */
  codes: readonly string[]
  /** Resolves to what ends it; undefined for what nothing but a person can mend: then all stays refused. */
  begin(scene: Scene): Promise<(() => Promise<void> | void) | undefined>
}

/** What was seen of one action during the fault, and of others after it. */
export interface Seen {
  executions: number
  code: string
  tookMs: number
  /** False where an honest action was still refused long after the fault was over. */
  worksAgain: boolean
}

const BOUND_MS = 20_000

export function problemsOf<Scene>(
  { codes }: Fault<Scene>,
  { executions, code, tookMs, worksAgain }: Seen,
): string[] {
  return [
    ...(executions > 0 ? ['it ran'] : []),
    ...(executions === 0 && !codes.includes(code)
      ? [`it was refused with ${code}, expected ${codes.join(' or ')}`]
      : []),
    ...(tookMs > BOUND_MS ? [`it took ${Math.round(tookMs)} ms, expected at most ${BOUND_MS} ms`] : []),
    ...(worksAgain ? [] : ['it did not work again afterwards']),
  ]
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Tries until it works, as agents do. */
export async function worksWithin(ms: number, works: () => Promise<boolean>): Promise<boolean> {
  for (const giveUpAt = performance.now() + ms; ; await pause(200)) {
    if (await works()) return true
    if (performance.now() > giveUpAt) return false
  }
}
