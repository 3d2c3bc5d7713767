export type { WebhookAccess } from './webhook/access.ts'
export { webhookCommands } from './webhook/command.ts'
export { readEndpoints, type WebhookEndpoint } from './webhook/endpoints.ts'
export { createWebhooks, type WebhooksConfig, type WebhooksDeps } from './webhook/webhooks.ts'
