import type { Operation } from './operation.ts'
import { dutyPaths } from './paths/duties.ts'
import { eventPaths } from './paths/events.ts'
import { recordPaths } from './paths/records.ts'
import { requestPaths } from './paths/requests.ts'
import { reviewPaths } from './paths/reviews.ts'
import { servicePaths } from './paths/service.ts'
import type { Schema } from './schema.ts'
import { cardSchemas } from './schemas/card.ts'
import { problemSchemas } from './schemas/problem.ts'
import { recordSchemas } from './schemas/records.ts'
import { requestSchemas } from './schemas/requests.ts'
import { webhookPaths, webhookSchemas, webhooks } from './webhooks.ts'

export interface ApiDocument {
  openapi: string
  info: { title: string; version: string; [member: string]: unknown }
  servers: { url: string }[]
  security: Record<string, string[]>[]
  paths: Readonly<Record<string, Record<string, Operation>>>
  webhooks: Readonly<Record<string, Record<string, Operation>>>
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, Schema> }
}

/** All that can be asked of Holdpoint over HTTP (OpenAPI 3.1.1). */
export function openApi({ url, version }: { url: string; version: string }): ApiDocument {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Holdpoint',
      version,
      description:
        'People release what AI agents want to do. Read, review, watch. Errors are RFC 9457 problems with a stable `code`. Reading changes nothing.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    security: [{ bearer: [] }],
    paths: {
      ...requestPaths,
      ...reviewPaths,
      ...dutyPaths,
      ...eventPaths,
      ...recordPaths,
      ...webhookPaths,
      ...servicePaths,
    },
    webhooks,
    components: {
      schemas: { ...problemSchemas, ...cardSchemas, ...requestSchemas, ...recordSchemas, ...webhookSchemas },
      securitySchemes: { bearer: BEARER },
    },
  }
}

const BEARER: Schema = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description:
    'A token of a configured OpenID Connect issuer for Holdpoint: the ID token of its client, or an access token with its audience. In the header alone; cookies mean nothing here.',
}
