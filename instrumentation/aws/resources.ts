/**
 * The ARN of what a call is about, where its input tells; without the account, which no input has. Of several resources,
 * or none, there is no target: the input says which.
 */
export function resourceOf(
  service: string,
  input: Record<string, unknown>,
  region: string,
): string | undefined {
  const text = (name: string): string | undefined => {
    const value = input[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const partition = partitionOf(region)
  const arn = (...parts: string[]) => ['arn', partition, ...parts].join(':')

  const reader = READERS[service]
  const read = reader?.({ text, arn, region })
  if (read !== undefined) return read
  const named = Object.keys(input).filter(
    (name) => /(^|[a-z])(arn|ARN|Arn)$/.test(name) && text(name)?.startsWith('arn:'),
  )
  return named.length === 1 ? text(named[0] as string) : undefined
}

interface Means {
  text(name: string): string | undefined
  arn(...parts: string[]): string
  region: string
}
type Reader = (means: Means) => string | undefined

/** A member that holds either the ARN itself or what stands at its end. */
const either =
  (member: string, ...before: string[]): Reader =>
  ({ text, arn, region }) => {
    const value = text(member)
    if (value === undefined || value.startsWith('arn:')) return value
    const [service = '', ...type] = before
    return arn(service, region, '', type.length === 0 ? value : `${type.join('')}${value}`)
  }

const first =
  (...readers: Reader[]): Reader =>
  (means) => {
    const found = readers.map((read) => read(means)).filter((one) => one !== undefined)
    return found.length === 1 ? found[0] : undefined
  }

const iam =
  (member: string, type: string): Reader =>
  ({ text, arn }) => {
    const value = text(member)
    return value === undefined ? undefined : arn('iam', '', '', `${type}/${value}`)
  }

const READERS: Readonly<Record<string, Reader>> = {
  s3({ text, arn }) {
    const bucket = text('Bucket')
    if (bucket === undefined || bucket.startsWith('arn:')) return bucket
    const key = text('Key')
    return arn('s3', '', '', key === undefined ? bucket : `${bucket}/${key}`)
  },
  iam: ({ text, ...more }) => {
    const means = { text, ...more }
    // What is attached stands in the input; what it is attached to is what changes.
    return (
      iam('RoleName', 'role')(means) ??
      iam('UserName', 'user')(means) ??
      iam('GroupName', 'group')(means) ??
      text('PolicyArn')
    )
  },
  dynamodb: either('TableName', 'dynamodb', 'table/'),
  lambda: either('FunctionName', 'lambda', 'function:'),
  rds: first(either('DBInstanceIdentifier', 'rds', 'db:'), either('DBClusterIdentifier', 'rds', 'cluster:')),
  kinesis: either('StreamName', 'kinesis', 'stream/'),
  // A secret's ARN ends with six characters that its name does not have, and a key may be named by an alias.
  secretsmanager: ({ text }) => arnIn(text('SecretId')),
  kms: ({ text }) => arnIn(text('KeyId')),
  sns: ({ text }) => text('TopicArn') ?? text('TargetArn'),
  sqs({ text, arn, region }) {
    const [, account, queue] = /^https?:\/\/[^/]+\/(\d{12})\/([^/]+)$/.exec(text('QueueUrl') ?? '') ?? []
    return account === undefined || queue === undefined ? undefined : arn('sqs', region, account, queue)
  },
}

const arnIn = (text: string | undefined): string | undefined => (text?.startsWith('arn:') ? text : undefined)

const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
