import type { Attributes, Span } from './span.ts'

/**
 * Where the parts of a request lie in its bytes, `to` exclusive. Nothing is decoded that nobody asks for: most spans
 * are copied from here to where they are stored. What has ranges has been checked, and can be read without a doubt.
 */
export interface TraceRanges {
  body: Uint8Array
  resources: ResourceRange[]
}

export interface Range {
  from: number
  to: number
}

/** The Resource message itself; empty where there is none. */
export interface ResourceRange extends Range {
  /** One of its attributes is under a name that was asked for. */
  telling: boolean
  /** Decoded when first asked for. */
  attributes(): Attributes
  scopes: ScopeRange[]
}

/** The InstrumentationScope message itself; empty where there is none. */
export interface ScopeRange extends Range {
  telling: boolean
  name: string
  version: string
  spans: SpanRange[]
}

/** The Span message, without its tag and length. */
export interface SpanRange extends Range {
  /** It carries something that verification has to read, or that only the pipeline may say. */
  telling: boolean
}

/** What the pipeline has changed; everything else stands as it came, bytes of unknown fields included. */
export interface Rewritten {
  spans: ReadonlyMap<SpanRange, Span>
  resources: ReadonlyMap<ResourceRange, Attributes>
}

/** Those of a resource that have to be looked at, in their order: mostly few. */
export const tellingSpans = ({ scopes }: ResourceRange): SpanRange[] =>
  scopes.flatMap(({ spans }) => spans.filter(({ telling }) => telling))
