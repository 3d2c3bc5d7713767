import { readFileSync } from 'node:fs'

/** A query's text. Dashboards are made from the same files. */
export const readSql = (name: string): string =>
  readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8')

/** As ClickHouse writes a DateTime64 of UTC; milliseconds since the epoch. */
export const readTime = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)
