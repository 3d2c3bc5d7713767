import { mkdir, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { quoteIdentifier } from './quote.ts'

/** Where things lie below the data folder. */
export interface Places {
  data: string
  incoming: string
  config: string
}

export const placesBelow = (dataDir: string): Places => ({
  data: resolve(dataDir, 'data'),
  incoming: resolve(dataDir, 'incoming'),
  config: resolve(dataDir, 'config'),
})

/** Makes the folders and the engine's configuration; returns the argument that names it. */
export async function writeConfig(places: Places, database: string): Promise<string> {
  for (const path of Object.values(places)) await mkdir(path, { recursive: true, mode: 0o700 })
  const main = resolve(places.config, 'config.xml')
  const users = resolve(places.config, 'users.xml')
  await writeFile(users, usersXml(database), { mode: 0o600 })
  await writeFile(main, `<clickhouse><users_config>${escapeXml(users)}</users_config></clickhouse>\n`, {
    mode: 0o600,
  })
  return `--config-file=${main}`
}

/**
 * Every connection of the embedded engine is the user `default`, so the two principals are roles of that user,
 * and each connection narrows itself to one of them before it runs anything. Neither may reach files, URLs or
 * other servers (SOURCES), and neither may create functions or users.
 */
function usersXml(database: string): string {
  const own = `${quoteIdentifier(database)}.*`
  const grants = (...queries: string[]) =>
    `<grants>${queries.map((query) => `<query>${escapeXml(query)}</query>`).join('')}</grants>`
  return `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <roles>
    <reader>${grants(`GRANT SELECT, SHOW ON ${own}`)}</reader>
    <writer>${grants(
      `GRANT SELECT, SHOW, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE ON ${own}`,
    )}</writer>
  </roles>
  <users>
    <default>
      <password></password>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      ${grants('GRANT reader, writer')}
    </default>
  </users>
</clickhouse>
`
}

const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
