import { mkdirSync, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page, PageScreenshotOptions } from 'playwright-core'

const MOST_BYTES = 150_000

/** Where pictures go: into the documentation when HOLDPOINT_SCREENSHOTS is `docs`, else to be thrown away. */
const FOLDER =
  process.env.HOLDPOINT_SCREENSHOTS === 'docs'
    ? resolve(import.meta.dirname, '../../../docs/images')
    : mkdtempSync(join(tmpdir(), 'holdpoint-pictures-'))

/** Takes the window as it is. Returns the bytes; throws where they are too many for a document. */
export async function takePicture(
  page: Page,
  name: string,
  options: PageScreenshotOptions = {},
): Promise<number> {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, `${name}.png`)
  await page.screenshot({ path, animations: 'disabled', caret: 'hide', ...options })
  const { size } = statSync(path)
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, expected at most ${MOST_BYTES}`)
  return size
}
