/** Prometheus' text format 0.0.4, read by the letter: whatever is not in it throws, with the line. */
export interface Family {
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  unit?: string
  samples: Sample[]
}

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const COMMENT = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/s
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s
/** A label's value may have any character, but a quote, a backslash and the end of a line are escaped. */
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/

export function parsePrometheus(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family>()
  const begun = new Map<string, Partial<Family>>()
  let current = ''
  for (const line of text.split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`)
    }
    if (line === '') continue
    const comment = COMMENT.exec(line)
    if (comment) {
      const [, what = '', name = '', said = ''] = comment
      if (!NAME.test(name)) fail('no name')
      if (families.has(name)) fail('said after samples, or twice')
      const family = begun.get(name) ?? {}
      begun.set(name, family)
      if (what === 'HELP') family.help = family.help === undefined ? said : fail('two helps')
      if (what === 'UNIT') family.unit = family.unit === undefined ? said : fail('two units')
      if (what !== 'TYPE') continue
      if (said !== 'counter' && said !== 'gauge' && said !== 'histogram') return fail('no type')
      families.set(name, { type: said, help: family.help ?? fail('no help'), samples: [], ...unitOf(family) })
      current = name
      continue
    }
    if (/^# (?!HELP|TYPE|UNIT)/.test(line)) continue
    const [, name = fail('no sample'), labels = '', value = ''] = SAMPLE.exec(line) ?? []
    const family = families.get(current) ?? fail('no family')
    const endings = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
    if (!endings.some((ending) => name === `${current}${ending}`)) fail(`not of ${current}`)
    family.samples.push({ name, labels: parseLabels(labels, fail), value: parseValue(value, fail) })
  }
  for (const [name, family] of families) check(name, family)
  return families
}

const unitOf = ({ unit }: Partial<Family>) => (unit === undefined ? {} : { unit })

function parseLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {}
  for (let rest = text; rest !== ''; ) {
    const [whole, name = '', value = '', comma] = LABEL.exec(rest) ?? fail(`no label at ${rest}`)
    if (Object.hasOwn(labels, name) || name.startsWith('__')) fail(`the label ${name}`)
    labels[name] = value.replace(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : one))
    rest = rest.slice(whole.length)
    if (rest === '' && comma === ',') fail('a comma at the end')
  }
  return labels
}

function parseValue(text: string, fail: (why: string) => never): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (text === 'NaN') return Number.NaN
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : fail('no number')
}

function check(name: string, { type, samples }: Family): void {
  const keys = samples.map((sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]))
  if (new Set(keys).size < keys.length) throw new Error(`${name} has a series twice`)
  if (samples.length === 0) throw new Error(`${name} has no sample`)
  if ((type === 'counter') !== name.endsWith('_total')) throw new Error(`${name} is a ${type}`)
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is negative`)
  if (type === 'histogram') checkHistogram(name, samples)
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = Map.groupBy(samples, ({ labels: { le, ...labels } }) => JSON.stringify(labels))
  for (const [labels, of] of series) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels: { le = '' } }) =>
      le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
    )
    const counts = buckets.map(({ value }) => value)
    const isAscending = (list: number[]) => list.every((one, at) => at === 0 || one >= (list[at - 1] ?? 0))
    const count = of.find((sample) => sample.name === `${name}_count`)?.value
    const hasSum = of.some((sample) => sample.name === `${name}_sum`)
    const isWhole = bounds.at(-1) === Number.POSITIVE_INFINITY && counts.at(-1) === count && hasSum
    if (!isWhole || !isAscending(bounds) || !isAscending(counts))
      throw new Error(`${name}${labels} does not add up`)
  }
}

/** The value of the one series that has these labels, or undefined; `name` is as samples have it. */
export function sampleValue(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = Object.entries(labels)
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .find((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
    ?.value
}
