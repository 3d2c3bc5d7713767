import { iamPrefix } from '#contract'
import type { GateAttempt } from '#gate'
import type { Configuration } from './request.ts'
import { resourceOf } from './resources.ts'

export interface AwsAction extends Pick<GateAttempt, 'kind' | 'name' | 'target'> {
  /** Empty where the client has none. */
  region: string
}

/** `s3:DeleteBucket` on `arn:aws:s3:::invoices`: as IAM writes it, and as spans of AWS calls are read. */
export async function actionOf(
  operation: string,
  { serviceId = '', region }: Configuration,
  input: Record<string, unknown>,
): Promise<AwsAction> {
  const service = iamPrefix(serviceId)
  const where = await regionOf(region)
  const target = resourceOf(service, input, where)
  return {
    region: where,
    kind: 'aws',
    name: `${service || '?'}:${operation}`,
    ...(target === undefined ? {} : { target }),
  }
}

/** A client without a region fails by itself, later and with its own words. */
async function regionOf(region: Configuration['region']): Promise<string> {
  try {
    return (typeof region === 'function' ? await region() : region) ?? ''
  } catch {
    return ''
  }
}
