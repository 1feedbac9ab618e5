/** One thing that is measured: a run does the same work every time. */
export interface Contestant {
  readonly name: string
  /** Gives ms where it is timed by a clock of its own: that of another process, say. */
  run(): void | number | Promise<void> | Promise<number>
}

/** Milliseconds of every round, by the contestant's name; entry i of each belongs to the same round. */
export type RoundTimes = ReadonlyMap<string, readonly number[]>

/** What many rounds say of one figure: its median and its quartiles. */
export interface Spread {
  readonly median: number
  readonly lower: number
  readonly upper: number
}

/**
 * Times contestants in turn, round by round, every other round in reverse order: what else the machine does meets all of
 * them alike. Each runs once before, uncounted.
 */
export async function interleave(contestants: readonly Contestant[], rounds: number): Promise<RoundTimes> {
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]))
  for (const contestant of contestants) await contestant.run()
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const began = performance.now()
      const own = await run()
      times.get(name)!.push(own ?? performance.now() - began)
    }
  }
  return times
}

/** Quantile 0..1 of numbers that need not be sorted, linear between neighbours; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** Median and quartiles. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), lower: quantile(values, 0.25), upper: quantile(values, 0.75) }
}

/** Work per second of every round: `amount` is the work of one run. */
export function ratesOf(times: readonly number[], amount: number): number[] {
  return times.map((ms) => (amount * 1000) / ms)
}

/** Spread of a / b round by round: what slows a whole round leaves its ratio as it is. */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((value, round) => value / (b[round] ?? Number.NaN)))
}

/** Slope of the straight line through points `[x, y]` by least squares; 0 where all stand at one x. */
export function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread
}
