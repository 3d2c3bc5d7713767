// Times left count down.
import { all } from './page.js'

function leftText(ms) {
  if (ms <= 0) return 'no time left'
  const seconds = Math.ceil(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([value]) => value > 0)
  return `${parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ')} left`
}

export function tick() {
  for (const time of all('time[data-left]')) {
    const ms = Date.parse(time.dateTime) - Date.now()
    const text = leftText(ms)
    if (time.textContent !== text) time.textContent = text
    time.classList.toggle('soon', ms < 120_000)
  }
}
