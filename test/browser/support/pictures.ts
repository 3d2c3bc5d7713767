import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page, PageScreenshotOptions } from 'playwright-core'

const MOST_BYTES = 150_000

/** Into the documentation when HOLDPOINT_SCREENSHOTS is `docs`; else where somebody may look at them. */
const FOLDER = fileURLToPath(
  new URL(
    `../../../${process.env.HOLDPOINT_SCREENSHOTS === 'docs' ? 'docs/images' : '.cache/pictures'}/`,
    import.meta.url,
  ),
)

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
