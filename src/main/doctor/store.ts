import { type ClickHouseTarget, createStore, type Store } from '#store'
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
      ...(await schemaOf(scene, store)),
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

async function schemaOf({ config }: Scene, store: Store): Promise<Finding[]> {
  const mend = 'holdpoint schema migrate, as a user that may create tables (holdpoint schema print --users)'
  const why = 'rows are refused, or shown without what this version knows'
  try {
    const { isCurrent, applied, missing, alterations } = await store.schemaStatus(config.clickhouse)
    if (isCurrent) return [ok('store schema', `${applied.length} migrations, all that there are`)]
    const what = [
      ...missing.map(({ name }) => `${name} is missing`),
      ...alterations.map((one) => `to run: ${one}`),
    ]
    return [complaint('store schema', { what: what.join(', '), why, mend })]
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
        mend: 'a user of its own for the desk: holdpoint_reader of `holdpoint schema print --users`',
      }),
    ]
  if (mayWrite && !isPipelineAlone)
    return [
      complaint('store rights', {
        level: 'warning',
        what: `the user ${user} may write, and reads for the console too`,
        why: 'a console that is taken over could write verdicts',
        mend: 'run desk and pipeline with a user each: `holdpoint schema print --users`',
      }),
    ]
  if (!mayWrite && isPipelineAlone)
    return [
      complaint('store rights', {
        what: `the user ${user} may not write holdpoint_findings`,
        why: 'no span and no verdict of the pipeline is kept',
        mend: 'the rights of holdpoint_pipeline in `holdpoint schema print --users`',
      }),
    ]
  return [ok('store rights', `the user ${user} may ${mayWrite ? 'write' : 'only read'}`)]
}
