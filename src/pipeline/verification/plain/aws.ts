import { iamPrefix } from '#contract'
import type { Span } from '../../otlp/span.ts'
import type { PlainAction } from './action.ts'
import { firstOf, SPAN_KIND } from './attributes.ts'

export const AWS_TELLING = ['rpc.', 'aws.'] as const

/**
 * A call of an AWS API: `s3:DeleteBucket`, as in IAM. The service is `rpc.service` in the older conventions, and the
 * part of `rpc.method` before the last slash or dot in the newer ones.
 */
export function readAws(span: Span): PlainAction[] {
  if (span.kind === SPAN_KIND.server || span.kind === SPAN_KIND.consumer) return []
  const system = firstOf(span, 'rpc.system.name', 'rpc.system')
  // Older versions say only that it is AWS's library.
  if (system !== 'aws-api' && firstOf(span, 'aws.agent', 'aws.service') === undefined) return []
  const [service, method] = callOf(span)
  const target = arnOf(span)
  const where = target === undefined ? {} : { target }
  if (method === undefined || service === undefined)
    return [{ kind: 'aws', names: [`${service ?? '?'}:${method ?? '?'}`], ...where, unsure: true }]
  return [{ kind: 'aws', names: [`${iamPrefix(service)}:${method}`], ...where }]
}

function callOf(span: Span): [service: string | undefined, method: string | undefined] {
  const method = firstOf(span, 'rpc.method', 'aws.operation')
  const service = firstOf(span, 'rpc.service', 'aws.service')
  const [, before, after] = /^(.+)[/.]([^/.]+)$/s.exec(method ?? '') ?? []
  return before === undefined ? [service, method] : [service ?? before, after]
}

/** Attributes that hold an ARN, or a list with one. */
const ARNS = [
  'aws.lambda.invoked_arn',
  'aws.lambda.resource_mapping.id',
  'aws.sns.topic.arn',
  'aws.secretsmanager.secret.arn',
  'aws.step_functions.state_machine.arn',
  'aws.step_functions.activity.arn',
  'aws.ecs.cluster.arn',
  'messaging.destination.name',
] as const

function arnOf(span: Span): string | undefined {
  for (const name of ARNS) {
    const text = firstOf(span, name)
    if (text?.startsWith('arn:')) return text
  }
  const bucket = firstOf(span, 'aws.s3.bucket', 'aws.bucket.name')
  if (bucket === undefined) return undefined
  const key = firstOf(span, 'aws.s3.key')
  return `arn:${partitionOf(firstOf(span, 'cloud.region', 'aws.region'))}:s3:::${bucket}${key === undefined ? '' : `/${key}`}`
}

const partitionOf = (region = ''): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
