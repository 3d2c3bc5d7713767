import { type ClickHouseTarget, createStore, readMigrations, type Store } from '#store'
import { complaint, type Finding, messageOf, ok } from './finding.ts'
import type { Scene } from './scene.ts'

/** ClickHouse: that it answers, has the tables of this version, and lets its user do no more than it should. */
export async function checkStore(scene: Scene): Promise<Finding[]> {
  const target = targetOf(scene)
  if (target === undefined)
    return [
      complaint('store', {
        level: 'warning',
        what: 'clickhouse.url is not configured, and no `holdpoint up` runs from this data folder',
        why: 'without it there are no traces to look at, and no findings; decisions go on',
        mend: 'clickhouse.url, with the user of this process',
      }),
    ]
  const store = createStore(target)
  try {
    const [row] = await store.query<{ version: string }>('SELECT version() AS version')
    return [
      ok('store', `ClickHouse ${row?.version} at ${target.url}`),
      ...(await schemaOf(store)),
      ...(await rightsOf(scene, store, target)),
    ]
  } catch (error) {
    return [
      complaint('store', {
        what: messageOf(error),
        why: 'spans and findings wait in the pipeline, and the console shows no traces; decisions go on',
        mend: 'start it, or correct clickhouse.url, user and password',
      }),
    ]
  } finally {
    await store.close()
  }
}

function targetOf({ config, running }: Scene): ClickHouseTarget | undefined {
  const { url, user = 'default', password = '', database } = config.clickhouse
  return url === undefined ? running?.clickhouse : { url, user, password, database }
}

async function schemaOf(store: Store): Promise<Finding[]> {
  const mend = 'start a pipeline of this version, with a user that may create tables: it migrates the store'
  const why = 'rows are refused, or shown without what this version knows'
  const known = await readMigrations()
  try {
    const applied = await store.query<{ version: number; sha256: string }>(
      'SELECT version, sha256 FROM holdpoint_migrations FINAL',
    )
    const missing = known.filter(({ version }) => !applied.some((one) => one.version === version))
    const changed = known.filter(({ version, sha256 }) =>
      applied.some((one) => one.version === version && one.sha256 !== sha256),
    )
    const newer = applied.filter(({ version }) => !known.some((one) => one.version === version))
    if (missing.length === 0 && changed.length === 0 && newer.length === 0)
      return [ok('store schema', `${applied.length} migrations, all that there are`)]
    const what = [
      ...missing.map(({ name }) => `${name} is missing`),
      ...changed.map(({ name }) => `${name} is another than the one that was applied`),
      ...newer.map(({ version }) => `number ${version} is of a newer Holdpoint`),
    ].join(', ')
    return [complaint('store schema', { what, why, mend })]
  } catch (error) {
    return [complaint('store schema', { what: messageOf(error), why, mend })]
  }
}

/** Inserts nothing at all, into a table that only the pipeline may write. */
const WRITE = 'INSERT INTO holdpoint_findings SELECT * FROM holdpoint_findings WHERE 0'

async function rightsOf(scene: Scene, store: Store, { user }: ClickHouseTarget): Promise<Finding[]> {
  const mayWrite = await store.query(WRITE).then(
    () => true,
    () => false,
  )
  const here = scene.roles()
  const isDeskAlone = here.includes('desk') && !here.includes('pipeline')
  const isPipelineAlone = here.includes('pipeline') && !here.includes('desk')
  const isReader = scene.config.clickhouse.url === undefined || isDeskAlone
  if (mayWrite && isReader)
    return [
      complaint('store rights', {
        what: `the user ${user} may write holdpoint_findings`,
        why: 'a desk that is taken over could write verdicts: verified where nothing was',
        mend: 'a user of its own for the desk, with SELECT alone and readonly = 1',
      }),
    ]
  if (mayWrite && !isPipelineAlone)
    return [
      complaint('store rights', {
        level: 'warning',
        what: `the user ${user} may write, and reads for the console too`,
        why: 'a console that is taken over could write verdicts',
        mend: 'run desk and pipeline with a user each',
      }),
    ]
  if (!mayWrite && isPipelineAlone)
    return [
      complaint('store rights', {
        what: `the user ${user} may not write holdpoint_findings`,
        why: 'no span and no verdict of the pipeline is kept',
        mend: 'GRANT SELECT, INSERT, ALTER, CREATE, DROP on the database to it',
      }),
    ]
  return [ok('store rights', `the user ${user} may ${mayWrite ? 'write' : 'only read'}`)]
}
