import type { ClickHouseClient } from '@clickhouse/client'
import type { Column, Kind } from './generate.ts'

export interface Answer {
  columns: { name: string; type: string }[]
  rows: Record<string, unknown>[]
}

/** What the engine says, to the reader that Grafana would be. Throws as the engine does. */
export async function answerOf(client: ClickHouseClient, query: string): Promise<Answer> {
  const result = await client.query({ query, format: 'JSON' })
  const { meta = [], data } = (await result.json()) as { meta?: Answer['columns']; data: Answer['rows'] }
  return { columns: meta, rows: data }
}

/** Where an answer is not what the panel needs, a sentence each: names and their order, kinds, and that there is any. */
export function answerProblems({ columns, rows }: Answer, wanted: readonly Column[]): string[] {
  const names = columns.map(({ name }) => name)
  const wantedNames = wanted.map(({ name }) => name)
  return [
    ...wantedNames.filter((name) => !names.includes(name)).map((name) => `${name} is missing`),
    ...names.filter((name) => !wantedNames.includes(name)).map((name) => `nobody asked for ${name}`),
    ...(names.length === wantedNames.length && names.some((name, at) => name !== wantedNames[at])
      ? [`the columns come as ${names.join(', ')}`]
      : []),
    ...columns.flatMap(({ name, type }) => {
      const kind = wanted.find((one) => one.name === name)?.kind
      return kind === undefined || TYPES[kind].test(type) ? [] : [`${name} is ${type}, and no ${kind}`]
    }),
    ...(rows.length === 0 ? ['there is nothing in it'] : []),
  ]
}

/** Types of ClickHouse of which the plugin makes a field that panels take for a time, a number, a text, or pairs. */
const TYPES: Readonly<Record<Kind, RegExp>> = {
  time: /^(Nullable\()?DateTime(64\(|\(|$)/,
  number: /^(Nullable\()?(U?Int(8|16|32|64)|Float(32|64))\)?$/,
  text: /^(LowCardinality\()?(Nullable\()?String\)*$/,
  pairs: /^Array\((Map\(|Tuple\()/,
}
