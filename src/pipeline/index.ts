export { type DlqAccess, dlqCommand } from './buffer/dlq-command.ts'
export { createPipeline, type Pipeline, type PipelineConfig, type PipelineDeps } from './pipeline.ts'
