import { createRequire } from 'node:module'
import * as iam from '@aws-sdk/client-iam'
import { trace } from '@opentelemetry/api'
import { AwsInstrumentation } from '@opentelemetry/instrumentation-aws-sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { actionOf } from '../../../instrumentation/aws/action.ts'
import { aws } from '../../../instrumentation/aws/index.ts'
import { read, told } from '../../pipeline/plain-spans.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'

const core = createRequire(import.meta.url)('@smithy/core/client')
let scene: Scene
let spans: RecordedSpans
beforeAll(async () => {
  spans = recordSpans()
  scene = await startScene()
  aws.patch(core, scene.gate)
})
afterAll(async () => {
  await scene.stop()
  await spans.stop()
})

const nameOf = (serviceId: string, operation: string, input: Record<string, unknown> = {}) =>
  actionOf(operation, { serviceId, region: 'eu-west-1', requestHandler: undefined as never }, input)

test.each([
  ['S3', 's3'],
  ['IAM', 'iam'],
  ['EC2', 'ec2'],
  ['SFN', 'states'],
  ['EventBridge', 'events'],
  ['CloudWatch Logs', 'logs'],
  ['Bedrock Runtime', 'bedrock'],
  ['Elastic Load Balancing v2', 'elasticloadbalancing'],
  ['Cognito Identity Provider', 'cognito-idp'],
  ['API Gateway', 'apigateway'],
  ['Secrets Manager', 'secretsmanager'],
])('aws - %s is called as in IAM, and as on a span', async (serviceId, prefix) => {
  const { name } = await nameOf(serviceId, 'DoIt')
  expect(name).toBe(`${prefix}:DoIt`)
  const attributes = { 'rpc.system': 'aws-api', 'rpc.service': serviceId, 'rpc.method': 'DoIt' }
  expect(told(read('aws', attributes))).toEqual([name])
})

test.each<[string, Record<string, unknown>, string | undefined]>([
  ['S3', { Bucket: 'b' }, 'arn:aws:s3:::b'],
  ['S3', { Bucket: 'b', Key: 'a/../k' }, 'arn:aws:s3:::b/a/../k'],
  ['S3', { Bucket: 'arn:aws:s3:eu-west-1:1:accesspoint/x' }, 'arn:aws:s3:eu-west-1:1:accesspoint/x'],
  ['S3', {}, undefined],
  ['IAM', { RoleName: 'admin', PolicyArn: 'arn:aws:iam::aws:policy/X' }, 'arn:aws:iam:::role/admin'],
  ['IAM', { PolicyArn: 'arn:aws:iam::aws:policy/X' }, 'arn:aws:iam::aws:policy/X'],
  ['DynamoDB', { TableName: 'orders' }, 'arn:aws:dynamodb:eu-west-1::table/orders'],
  ['Lambda', { FunctionName: 'f' }, 'arn:aws:lambda:eu-west-1::function:f'],
  [
    'Lambda',
    { FunctionName: 'arn:aws:lambda:eu-west-1:1:function:f' },
    'arn:aws:lambda:eu-west-1:1:function:f',
  ],
  ['RDS', { DBInstanceIdentifier: 'prod' }, 'arn:aws:rds:eu-west-1::db:prod'],
  ['RDS', { DBInstanceIdentifier: 'prod', DBClusterIdentifier: 'c' }, undefined],
  [
    'SQS',
    { QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/q' },
    'arn:aws:sqs:eu-west-1:123456789012:q',
  ],
  ['SNS', { TopicArn: 'arn:aws:sns:eu-west-1:1:t' }, 'arn:aws:sns:eu-west-1:1:t'],
  ['Secrets Manager', { SecretId: 'name' }, undefined],
  [
    'SFN',
    { stateMachineArn: 'arn:aws:states:eu-west-1:1:stateMachine:m' },
    'arn:aws:states:eu-west-1:1:stateMachine:m',
  ],
  ['EC2', { InstanceIds: ['i-1', 'i-2'] }, undefined],
  ['SNS', { TopicArn: { toString: () => 'x' } }, undefined],
])('aws - of %s, %j is about %s', async (serviceId, input, target) => {
  expect((await nameOf(serviceId, 'DoIt', input)).target).toBe(target)
})

test('aws - a service with another protocol is held by the same name, and its span says the same', async () => {
  const other = new AwsInstrumentation()
  other.setTracerProvider(trace.getTracerProvider())
  ;(other as unknown as { patchV3SmithyClient(exports: object): void }).patchV3SmithyClient(core)
  const client = new iam.IAMClient({
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
  scene.broker.onRequest = () => 'denied'
  const input = { RoleName: 'admin', PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }
  await expect(client.send(new iam.AttachRolePolicyCommand(input))).rejects.toMatchObject({
    code: 'APPROVAL_DENIED',
  })
  expect(scene.broker.requests[0]?.attempt.action).toMatchObject({
    kind: 'aws',
    name: 'iam:AttachRolePolicy',
    target: 'arn:aws:iam:::role/admin',
    arguments: { ...input, $region: 'us-east-1' },
  })
  const [span] = spans.all().filter(({ attributes }) => attributes['rpc.system'] === 'aws-api')
  expect(read('aws', span?.attributes as never).flatMap(({ names }) => names)).toEqual([
    'iam:AttachRolePolicy',
  ])
})
