/**
 * The prefix that an AWS service has in IAM, of its name in an SDK or on a span: in lower case without spaces, but where AWS
 * has another.
 */
export function iamPrefix(service: string): string {
  const id = service
    .toLowerCase()
    .replace(/^(aws|amazon)(?=[^a-z]|$)/, '')
    .replace(/[^a-z0-9-]/g, '')
  return PREFIXES.get(id) ?? id
}

const PREFIXES = new Map(
  Object.entries({
    apigatewayv2: 'apigateway',
    apigatewaymanagementapi: 'execute-api',
    applicationautoscaling: 'application-autoscaling',
    bedrockagent: 'bedrock',
    bedrockagentruntime: 'bedrock',
    bedrockruntime: 'bedrock',
    cloudwatchevents: 'events',
    cloudwatchlogs: 'logs',
    cognitoidentity: 'cognito-identity',
    cognitoidentityprovider: 'cognito-idp',
    configservice: 'config',
    costexplorer: 'ce',
    databasemigrationservice: 'dms',
    directoryservice: 'ds',
    dynamodbstreams: 'dynamodb',
    efs: 'elasticfilesystem',
    elasticloadbalancingv2: 'elasticloadbalancing',
    elasticsearchservice: 'es',
    emr: 'elasticmapreduce',
    eventbridge: 'events',
    iotdataplane: 'iotdata',
    kinesisanalyticsv2: 'kinesisanalytics',
    opensearch: 'es',
    rdsdata: 'rds-data',
    redshiftdata: 'redshift-data',
    resourcegroupstaggingapi: 'tag',
    route53domains: 'route53domains',
    s3control: 's3',
    sesv2: 'ses',
    sfn: 'states',
    ssoadmin: 'sso',
    stepfunctions: 'states',
  }),
)
