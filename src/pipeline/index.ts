export { createPipeline, type Pipeline, type PipelineConfig, type PipelineDeps } from './pipeline.ts'
