export { type ApiConfig, type ApiDeps, createApi } from './api.ts'
export { INSTRUMENTS as API_INSTRUMENTS } from './instruments.ts'
