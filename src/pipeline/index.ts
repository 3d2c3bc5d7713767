export { createPipeline, type PipelineConfig, type PipelineDeps } from './pipeline.ts'
