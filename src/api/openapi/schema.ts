/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export interface Schema {
  readonly [keyword: string]: unknown
}

type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T]
type RequiredKeys<T> = Exclude<keyof T, OptionalKeys<T>>
type Optional<T> = [OptionalKeys<T>] extends [never] ? [] : [optional: Record<OptionalKeys<T>, Schema>]

/**
 * The schema of an interface: the compiler refuses one that leaves out a member, has one too many, or takes a member
 * that may be absent for one that is always there.
 */
export const schemaOf =
  <T>(description?: string) =>
  (required: Record<RequiredKeys<T>, Schema>, ...[optional]: Optional<T>): Schema => ({
    type: 'object',
    ...(description === undefined ? {} : { description }),
    required: Object.keys(required),
    properties: { ...required, ...optional },
  })

/** For what is sent to us: anything else is refused. */
export const closed = (schema: Schema): Schema => ({ ...schema, additionalProperties: false })

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
export const string = (rest: Schema = {}): Schema => ({ type: 'string', ...rest })
export const integer = (rest: Schema = {}): Schema => ({ type: 'integer', minimum: 0, ...rest })
export const boolean = (rest: Schema = {}): Schema => ({ type: 'boolean', ...rest })
export const list = (items: Schema, rest: Schema = {}): Schema => ({ type: 'array', items, ...rest })
export const oneOf = (values: readonly string[], rest: Schema = {}): Schema => ({
  type: 'string',
  enum: values,
  ...rest,
})
export const timeMs = (description: string): Schema =>
  integer({ description: `${description} Milliseconds since the epoch.` })
export const anything: Schema = { description: 'Any JSON value.' }
