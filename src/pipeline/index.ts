export { type DlqAccess, dlqCommand } from './buffer/dlq-command.ts'
export { INSTRUMENTS as PIPELINE_INSTRUMENTS } from './instruments.ts'
export { createPipeline, type Pipeline, type PipelineConfig, type PipelineDeps } from './pipeline.ts'
