import { describe, expect, it } from 'vitest'
import { read, table } from './plain-spans.ts'

describe('AWS', () => {
  table('aws', [
    [
      'JavaScript (@opentelemetry/instrumentation-aws-sdk)',
      {
        'rpc.system': 'aws-api',
        'rpc.service': 'S3',
        'rpc.method': 'DeleteBucket',
        'cloud.region': 'eu-central-1',
        'aws.s3.bucket': 'invoices',
      },
      ['s3:DeleteBucket @ arn:aws:s3:::invoices'],
      { name: 'S3.DeleteBucket' },
    ],
    [
      'Java (aws-sdk-2.2)',
      {
        'rpc.system': 'aws-api',
        'rpc.service': 'S3',
        'rpc.method': 'DeleteObject',
        'aws.agent': 'java-aws-sdk',
        'aws.bucket.name': 'invoices',
      },
      ['s3:DeleteObject @ arn:aws:s3:::invoices'],
    ],
    [
      'Python (botocore)',
      {
        'rpc.system': 'aws-api',
        'rpc.service': 'Cognito Identity Provider',
        'rpc.method': 'AdminDeleteUser',
        'aws.region': 'us-east-1',
      },
      ['cognito-idp:AdminDeleteUser'],
    ],
    [
      'Go (otelaws)',
      {
        'rpc.system': 'aws-api',
        'rpc.service': 'DynamoDB',
        'rpc.method': 'DeleteTable',
        'aws.dynamodb.table_names': ['orders'],
      },
      ['dynamodb:DeleteTable'],
    ],
    [
      'the stable conventions, service and method in one',
      {
        'rpc.system.name': 'aws-api',
        'rpc.method': 'SecretsManager/DeleteSecret',
        'aws.secretsmanager.secret.arn': 'arn:aws:secretsmanager:eu-west-1:1:secret:db',
      },
      ['secretsmanager:DeleteSecret @ arn:aws:secretsmanager:eu-west-1:1:secret:db'],
    ],
    [
      'one object',
      {
        'rpc.system': 'aws-api',
        'rpc.service': 'S3',
        'rpc.method': 'DeleteObject',
        'aws.s3.bucket': 'b',
        'aws.s3.key': 'a/c',
      },
      ['s3:DeleteObject @ arn:aws:s3:::b/a/c'],
    ],
    [
      'another partition',
      {
        'rpc.system': 'aws-api',
        'rpc.service': 'S3',
        'rpc.method': 'DeleteBucket',
        'aws.s3.bucket': 'b',
        'aws.region': 'cn-north-1',
      },
      ['s3:DeleteBucket @ arn:aws-cn:s3:::b'],
    ],
    [
      'a service whose prefix is another',
      { 'rpc.system': 'aws-api', 'rpc.service': 'SFN', 'rpc.method': 'DeleteStateMachine' },
      ['states:DeleteStateMachine'],
    ],
    [
      'logs, which are no CloudWatch',
      { 'rpc.system': 'aws-api', 'rpc.service': 'CloudWatch Logs', 'rpc.method': 'DeleteLogGroup' },
      ['logs:DeleteLogGroup'],
    ],
    ['a call that does not say which', { 'rpc.system': 'aws-api', 'rpc.service': 'S3' }, ['S3:? ?']],
    [
      'a call that does not say of what',
      { 'rpc.system': 'aws-api', 'rpc.method': 'DeleteBucket' },
      ['?:DeleteBucket ?'],
    ],
    ['another RPC', { 'rpc.system': 'grpc', 'rpc.service': 's3.S3', 'rpc.method': 'DeleteBucket' }, []],
    [
      'the server',
      { 'rpc.system': 'aws-api', 'rpc.service': 'S3', 'rpc.method': 'DeleteBucket' },
      [],
      { kind: 2 },
    ],
  ])
})

const CUSTOMERS = 'DELETE FROM customers WHERE id = $1'
describe('databases', () => {
  table('db', [
    [
      'JavaScript (pg), the older names',
      { 'db.system': 'postgresql', 'db.name': 'crm', 'db.statement': CUSTOMERS },
      ['DELETE customers @ crm'],
      { name: 'pg.query:DELETE crm' },
    ],
    [
      'JavaScript (pg), the stable names',
      { 'db.system.name': 'postgresql', 'db.namespace': 'crm', 'db.query.text': CUSTOMERS },
      ['DELETE customers @ crm'],
    ],
    [
      'Java (JDBC)',
      {
        'db.system': 'mysql',
        'db.name': 'crm',
        'db.operation': 'DELETE',
        'db.sql.table': 'customers',
        'db.statement': 'DELETE FROM customers WHERE id = ?',
      },
      ['DELETE customers @ crm'],
    ],
    [
      'Java (JDBC), the stable names',
      {
        'db.system.name': 'mysql',
        'db.query.summary': 'DELETE customers',
        'db.query.text': 'DELETE FROM customers WHERE id = ?',
      },
      ['DELETE customers'],
    ],
    [
      'Python (psycopg2)',
      { 'db.system': 'postgresql', 'db.statement': 'DELETE FROM customers WHERE id = %s' },
      ['DELETE customers'],
      { name: 'DELETE' },
    ],
    [
      'Go (otelsql)',
      { 'db.system': 'mysql', 'db.statement': 'delete from `customers`' },
      ['DELETE customers'],
      { name: 'sql.conn.exec' },
    ],
    [
      'MongoDB',
      {
        'db.system': 'mongodb',
        'db.operation': 'deleteMany',
        'db.mongodb.collection': 'customers',
        'db.statement': '{"x":"?"}',
      },
      ['DELETEMANY customers'],
    ],
    [
      'MongoDB without an operation',
      { 'db.system': 'mongodb', 'db.statement': '{"delete":"customers"}' },
      ['x ?'],
    ],
    [
      'Redis',
      { 'db.system': 'redis', 'db.statement': 'del session:1\nFLUSHALL' },
      ['DEL session:1', 'FLUSHALL'],
    ],
    ['a Redis script', { 'db.system': 'redis', 'db.statement': 'EVAL return 1' }, ['EVAL return ?']],
    [
      'a harmless summary before a text that is not',
      { 'db.system': 'postgresql', 'db.query.summary': 'SELECT x', 'db.query.text': 'DROP TABLE x' },
      ['SELECT x', 'DROP TABLE x'],
    ],
    [
      'an operation, and of what is not said',
      { 'db.system': 'mysql', 'db.operation': 'DELETE' },
      ['DELETE ?'],
    ],
    ['an operation upon nothing', { 'db.system': 'mysql', 'db.operation': 'COMMIT' }, ['COMMIT']],
    ['a connection', { 'db.system': 'postgresql' }, [], { name: 'pg.connect' }],
    ['a query of which nothing is said', { 'db.system': 'postgresql' }, ['query ?'], { name: 'query' }],
    ['the server', { 'db.system': 'postgresql', 'db.statement': 'DROP TABLE x' }, [], { kind: 2 }],
    ['nothing of a database', { 'http.method': 'GET' }, []],
  ])

  it('plain db - one action has all the names that a policy may use', () => {
    const names = (text: string) => read('db', { 'db.system': 'postgresql', 'db.statement': text })[0]?.names
    expect(names('DROP TABLE IF EXISTS Public.Users CASCADE')).toEqual([
      'DROP TABLE public.users',
      'DROP TABLE users',
      'DROP TABLE Public.Users',
      'DROP TABLE Users',
      'DROP public.users',
      'DROP users',
      'DROP Public.Users',
      'DROP Users',
    ])
    expect(names('delete from "Crm"."Customers"')).toEqual(['DELETE Crm.Customers', 'DELETE Customers'])
  })
})

describe('MCP', () => {
  table('mcp', [
    ['a call', { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'drop_database' }, ['drop_database']],
    [
      'a call that only its name tells',
      { 'mcp.method.name': 'tools/call' },
      ['drop_database'],
      { name: 'tools/call drop_database' },
    ],
    ['a call of nobody knows what', { 'mcp.method.name': 'tools/call' }, ['tools/call ?']],
    ['another method', { 'mcp.method.name': 'tools/list' }, []],
    ['the server', { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'x' }, [], { kind: 2 }],
  ])
})
