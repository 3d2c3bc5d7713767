// `--import`ed into the processes of a campaign: they run the source with the edits that the environment names.
import { EDITS, type Edit, installEdits } from './guards.ts'

installEdits(JSON.parse(process.env[EDITS] ?? '[]') as Edit[])
