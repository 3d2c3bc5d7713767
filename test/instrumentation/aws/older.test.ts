import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { aws } from '../../../instrumentation/aws/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'

/** Until 2026 the classes of all commands were made here. */
const smithy = createRequire(import.meta.url)('@smithy/smithy-client')
let scene: Scene
beforeAll(async () => {
  scene = await startScene()
  aws.patch(smithy, scene.gate)
})
afterAll(() => scene.stop())

const handle = vi.fn(async (_request: object) => ({ response: { statusCode: 200, headers: {} } }))

/** A service as the SDK generates them, with one operation that is serialized to a path. */
function serviceOf() {
  const client = new smithy.Client({
    serviceId: 'IAM',
    region: 'eu-west-1',
    requestHandler: { handle },
    logger: {},
  })
  const serialize = (next: (given: object) => unknown) => (given: { input: { RoleName: string } }) =>
    next({
      ...given,
      request: {
        method: 'POST',
        protocol: 'https:',
        hostname: 'iam',
        path: `/${given.input.RoleName}`,
        query: {},
      },
    })
  const plugin = {
    applyToStack: (stack: { add(...given: unknown[]): void }) =>
      stack.add(serialize, { step: 'serialize', name: 'serializerMiddleware' }),
  }
  const DeleteRoleCommand = smithy.Command.classBuilder()
    .m(() => [plugin])
    .s('IAM', 'DeleteRole', {})
    .n('IAMClient', 'DeleteRoleCommand')
    .build()
  return (RoleName: string) => client.send(new DeleteRoleCommand({ RoleName }))
}

test('aws - commands of an older SDK are held by the same method', async () => {
  const deleteRole = serviceOf()
  scene.broker.onRequest = () => 'denied'
  await expect(deleteRole('admin')).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
  expect(handle).not.toHaveBeenCalled()
  scene.broker.onRequest = () => 'approved'
  await deleteRole('guest')
  expect(handle.mock.calls.map(([request]) => request)).toMatchObject([{ path: '/guest' }])
  expect(scene.broker.requests.map(({ attempt }) => attempt.action)).toMatchObject([
    { kind: 'aws', name: 'iam:DeleteRole', target: 'arn:aws:iam:::role/admin' },
    { kind: 'aws', name: 'iam:DeleteRole', target: 'arn:aws:iam:::role/guest' },
  ])
})
