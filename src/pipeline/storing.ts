import type { Store } from '#store'
import { createPreparer, type PreparerDeps } from './batch/prepare.ts'
import type { Guard, Storing } from './buffer/portion.ts'

/** Prepares and stores batches, with each insert told to whoever watches over the batch. */
export const createStoring =
  (deps: PreparerDeps): Storing =>
  (guard) =>
    createPreparer({ ...deps, store: guarded(deps.store, guard) })

type Inserts = Pick<Store, 'insertRows' | 'insertFindings'>

const guarded = (store: Inserts, { before, after }: Guard): Inserts => ({
  async insertRows(block, token) {
    await before()
    await store.insertRows(block, token)
    after()
  },
  async insertFindings(rows, token) {
    await before()
    await store.insertFindings(rows, token)
    after()
  },
})
