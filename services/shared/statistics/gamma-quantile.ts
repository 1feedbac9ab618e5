import { PelletlineError } from '../errors/pelletline-error.ts'

// Lanczos' approximation with g = 7 and 9 terms: relative error below 1e-14 for positive arguments.
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** Natural logarithm of the gamma function of x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  const sum = lanczos.reduce((acc, term, index) => (index === 0 ? term : acc + term / (shifted + index)), 0)
  const t = shifted + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum)
}

/**
 * Regularised lower incomplete gamma function P(a, x), a > 0, x >= 0: the distribution function of a gamma variable of
 * shape a and scale 1. Series for x < a + 1, else Legendre's continued fraction (DLMF 8.11.4 and 8.9.2).
 */
export function regularizedGamma(a: number, x: number): number {
  if (x <= 0) return 0
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; n < 10_000 && Math.abs(term) > Math.abs(sum) * 1e-16; n += 1) {
      term *= x / (a + n)
      sum += term
    }
    return Math.min(1, front * sum)
  }
  // Lentz' method, kept away from 0.
  const tiny = 1e-300
  let b = x + 1 - a
  let c = 1 / tiny
  let d = 1 / b
  let h = d
  for (let n = 1; n < 10_000; n += 1) {
    const an = -n * (n - a)
    b += 2
    d = an * d + b
    if (Math.abs(d) < tiny) d = tiny
    c = b + an / c
    if (Math.abs(c) < tiny) c = tiny
    d = 1 / d
    const delta = d * c
    h *= delta
    if (Math.abs(delta - 1) < 1e-15) break
  }
  return Math.max(0, 1 - front * h)
}

/**
 * Quantile of the gamma distribution of the given shape and scale at probability 0 <= p < 1, by bisection to 12 digits.
 * Throws `invalid_argument` outside that domain.
 */
export function gammaQuantile(p: number, shape: number, scale: number): number {
  if (!(p >= 0 && p < 1 && shape > 0 && scale > 0)) {
    throw new PelletlineError(
      'invalid_argument',
      `gammaQuantile(p ${p}, shape ${shape}, scale ${scale}) is outside 0 <= p < 1, shape > 0, scale > 0.`,
    )
  }
  if (p === 0) return 0
  let high = Math.max(1, shape)
  while (regularizedGamma(shape, high) < p) high *= 2
  let low = high
  while (low > 1e-280 && regularizedGamma(shape, low) > p) low /= 4
  while (high - low > high * 1e-12) {
    const middle = (low + high) / 2
    if (regularizedGamma(shape, middle) < p) low = middle
    else high = middle
  }
  return ((low + high) / 2) * scale
}
