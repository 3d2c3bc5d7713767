// Asks a database, by both of pg's module systems, as somebody writes it who has never heard of a gate.
import { createRequire } from 'node:module'
import pg, { Client } from 'pg'

const [, , connectionString] = process.argv
const copies = [Client, pg.Client, createRequire(import.meta.url)('pg').Client]
const results = []
for (const Copy of copies) {
  const client = new Copy({ connectionString })
  await client.connect()
  results.push(await client.query('DELETE FROM customers').catch(({ code }) => code))
  await client.end()
}
process.stdout.write(JSON.stringify(results))
