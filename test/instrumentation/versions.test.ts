import { expect, test } from 'vitest'
import { instrumentations } from '#instrumentation'
import { isWithin } from '../../instrumentation/versions.ts'
import { installedVersion } from '../support/instrumentation/matrix.ts'

const ranges = instrumentations.flatMap(({ name, packages }) =>
  Object.entries(packages).map(([npm, range]) => [name, npm, range] as const),
)

test.each(ranges)(
  'versions - %s is tested with %s %s, and says nothing of other versions',
  (_name, npm, range) => {
    expect(isWithin(installedVersion(npm), range)).toBe(true)
    expect(isWithin('0.0.0', range)).toBe(false)
    expect(isWithin('999.0.0', range)).toBe(false)
  },
)
