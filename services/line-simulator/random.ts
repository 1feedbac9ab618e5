/** Mixes any number of integers into 32 well-spread bits (murmur3's finaliser over a running product). */
export function hash32(...keys: readonly number[]): number {
  let h = 0x9e3779b9
  for (const key of keys) {
    // The high half matters too: rows and pellet numbers pass 2^32 on a long run.
    const low = key | 0
    const high = Math.floor(key / 4294967296) | 0
    h = mix(h ^ low)
    if (high !== 0 && high !== -1) h = mix(h ^ high)
  }
  return h >>> 0
}

function mix(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) + 0x6d2b79f5) | 0
}

/** A source of random numbers that is the same for the same keys, on every machine and in every order of use. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform in [low, high). */
  range(low: number, high: number): number
  /** Log-uniform in [low, high), both above 0: each octave equally likely. */
  logRange(low: number, high: number): number
  /** Integer in [low, high], both ends included. */
  int(low: number, high: number): number
  /** True with the given probability. */
  chance(probability: number): boolean
  /** Standard normal. */
  normal(): number
  /** Poisson with the given mean (by a normal approximation above 60). */
  poisson(mean: number): number
}

/** Creates the source of random numbers that belongs to `keys` (sfc32 seeded from their hash). */
export function createRandom(...keys: readonly number[]): Random {
  let a = hash32(...keys, 1)
  let b = hash32(...keys, 2)
  let c = hash32(...keys, 3)
  let counter = 1
  const next = (): number => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 8; i++) next()
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return {
    next,
    normal,
    range: (low, high) => low + (high - low) * next(),
    logRange: (low, high) => low * (high / low) ** next(),
    int: (low, high) => low + Math.floor((high - low + 1) * next()),
    chance: (probability) => next() < probability,
    poisson: (mean) => {
      if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()))
      const limit = Math.exp(-mean)
      let count = 0
      for (let product = next(); product > limit; product *= next()) count++
      return count
    },
  }
}
