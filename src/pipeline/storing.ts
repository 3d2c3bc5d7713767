import type { Store } from '#store'
import { createPreparer, type Preparer, type PreparerDeps } from './batch/prepare.ts'
import type { Guard } from './buffer/portion.ts'
import type { Forward } from './forward/forward.ts'

const NOBODY: Guard = { before: async () => {}, after: () => {} }

/** Prepares and stores batches, with each insert told to whoever watches over the batch, if anybody does. */
export const createStoring =
  (deps: PreparerDeps) =>
  (guard: Guard = NOBODY): Preparer =>
    createPreparer({
      ...deps,
      store: guarded(deps.store, guard),
      forward: deps.forward && guardedForward(deps.forward, guard),
    })

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

/** What went out is not counted: a Collector that refuses one piece later keeps no other from being taken apart. */
const guardedForward = ({ send }: Pick<Forward, 'send'>, { before }: Guard): Pick<Forward, 'send'> => ({
  async send(signal, body) {
    await before()
    return send(signal, body)
  },
})
