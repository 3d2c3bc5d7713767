import type { Incident } from '../options.ts'

/** Where an incident is to be found. Times are milliseconds since the epoch, people `issuer#subject`. */
export interface Planted {
  incident: Incident
  fromMs: number
  toMs: number
  /** What to look for, in a sentence. */
  what: string
  /** By their ids. */
  agents: string[]
  people: string[]
  traceIds: string[]
  /** Of the spans that are wrong. */
  spanIds: string[]
  requestIds: string[]
}
