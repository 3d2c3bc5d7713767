/** `assumed`: nobody could read it, and the configuration states it. Only `fault` fails the command. */
export type Level = 'ok' | 'assumed' | 'warning' | 'fault'

/** One thing that was looked at: what it is like, why that matters, and what mends it. */
export interface Finding {
  check: string
  level: Level
  what: string
  why?: string
  mend?: string
}

export interface Complaint {
  level?: 'warning' | 'fault'
  what: string
  why: string
  mend: string
}

export const ok = (check: string, what: string): Finding => ({ check, level: 'ok', what })
export const complaint = (check: string, { level = 'fault', ...rest }: Complaint): Finding => ({
  check,
  level,
  ...rest,
})

/** Those complaints, or that all is well. */
export const orOk = (check: string, complaints: readonly Finding[], what: string): Finding[] =>
  complaints.length > 0 ? [...complaints] : [ok(check, what)]

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
