export { type ApiConfig, type ApiDeps, createApi } from './api.ts'
