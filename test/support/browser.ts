import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A real Chromium: HOLDPOINT_CHROMIUM, or where systems put it. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env.HOLDPOINT_CHROMIUM ?? PLACES.find((path) => existsSync(path))
  if (!executablePath)
    throw new Error(
      'these tests need Chromium: apt-get install chromium, or name one in HOLDPOINT_CHROMIUM (nothing is downloaded)',
    )
  return chromium.launch({
    executablePath,
    // As root, in a container, there is no sandbox to be had; and it must not call home.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
