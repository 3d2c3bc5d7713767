type Rgb = readonly [number, number, number]

/** Linear light of what somebody sees who has no red, no green, or no blue cones (Viénot 1999, Brettel 1997). */
const SIGHT: Readonly<Record<string, readonly [Rgb, Rgb, Rgb]>> = {
  anybody: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1],
  ],
  deuteranopia: [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1],
  ],
  tritanopia: [
    [1.01277, 0.13548, -0.14826],
    [-0.01243, 0.86812, 0.14431],
    [0.07589, 0.805, 0.11911],
  ],
}
export const SIGHTS = Object.keys(SIGHT)

/** How different two colours (`#RRGGBB`) look to somebody: distance in OKLab, 1 from black to white. */
export function difference(one: string, other: string, sight: string): number {
  const [a, b] = [oklab(seen(linear(one), sight)), oklab(seen(linear(other), sight))]
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])
}

function linear(colour: string): Rgb {
  const channel = (at: number): number => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return [channel(1), channel(3), channel(5)]
}

function seen(rgb: Rgb, sight: string): Rgb {
  const rows = SIGHT[sight]
  if (rows === undefined) throw new Error(`${sight}: expected one of ${SIGHTS.join(', ')}`)
  const row = ([r, g, b]: Rgb): number => Math.min(1, Math.max(0, r * rgb[0] + g * rgb[1] + b * rgb[2]))
  return [row(rows[0]), row(rows[1]), row(rows[2])]
}

/** https://bottosson.github.io/posts/oklab */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}
