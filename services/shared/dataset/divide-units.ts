/** Crops that stay together, by class. */
export interface SplitUnit {
  readonly counts: readonly [ok: number, ng: number]
}

/** Up to this many units, pairs are tried for exchange and the search begins more than once. */
const fewUnits = 400
const starts = 12
/** What a part without a class costs; more than any deviation of shares can. */
const emptyCost = 1000

/**
 * Divides units among parts so that each part's share of each class is as near to `shares` as whole units allow; returns the
 * part of every unit. Least squares of the shares, each relative to what it should be: large units are dealt out first, then
 * units are moved, and where there are few exchanged, as long as that helps. Deterministic by `random`, uniform in [0, 1).
 */
export function divideUnits(
  units: readonly SplitUnit[],
  shares: readonly number[],
  random: () => number,
): Uint8Array<ArrayBuffer> {
  const totals = [0, 1].map((label) => units.reduce((sum, { counts }) => sum + counts[label]!, 0))
  /** What part `part` costs when it holds so many of each class. */
  const costOf = (part: number, ok: number, ng: number) => {
    const share = shares[part]!
    const okOff = ok / Math.max(1, totals[0]!) - share
    const ngOff = ng / Math.max(1, totals[1]!) - share
    return (okOff * okOff + ngOff * ngOff) / share + (ok === 0 ? emptyCost : 0) + (ng === 0 ? emptyCost : 0)
  }
  const order = shuffle([...units.keys()], random)
  const bySize = order.toSorted((a, b) => sizeOf(units[b]!) - sizeOf(units[a]!))
  let best = improve(units, deal(units, bySize, shares, totals), shares.length, costOf)
  if (units.length <= fewUnits) {
    for (let start = 1; start < starts && best.cost > 1e-9; start++) {
      const dealt = deal(units, shuffle([...order], random), shares, totals)
      const next = improve(units, dealt, shares.length, costOf)
      if (next.cost < best.cost - 1e-12) best = next
    }
  }
  return best.parts
}

/** Gives each unit, in this order, to the part that lacks its classes most. */
function deal(
  units: readonly SplitUnit[],
  order: readonly number[],
  shares: readonly number[],
  totals: readonly number[],
): Uint8Array<ArrayBuffer> {
  const held = shares.map(() => [0, 0])
  const parts = new Uint8Array(units.length)
  for (const index of order) {
    const { counts } = units[index]!
    const lack = (part: number) => {
      const missing = (label: 0 | 1) => (totals[label]! * shares[part]! - held[part]![label]!) * counts[label]
      return (missing(0) + missing(1)) / shares[part]!
    }
    let chosen = 0
    for (let part = 1; part < shares.length; part++) if (lack(part) > lack(chosen)) chosen = part
    parts[index] = chosen
    held[chosen]![0]! += counts[0]
    held[chosen]![1]! += counts[1]
  }
  return parts
}

/** Moves and exchanges units as long as the cost falls. */
function improve(
  units: readonly SplitUnit[],
  dealt: Uint8Array<ArrayBuffer>,
  partCount: number,
  costOf: (part: number, ok: number, ng: number) => number,
) {
  const parts = dealt.slice()
  const held = Array.from({ length: partCount }, () => [0, 0] as [number, number])
  for (const [i, { counts }] of units.entries()) {
    held[parts[i]!]![0] += counts[0]
    held[parts[i]!]![1] += counts[1]
  }
  const costs = held.map(([ok, ng], part) => costOf(part, ok, ng))
  /** Carries so many crops from one part to another if that helps. */
  const carry = (from: number, to: number, ok: number, ng: number): boolean => {
    const left = costOf(from, held[from]![0] - ok, held[from]![1] - ng)
    const right = costOf(to, held[to]![0] + ok, held[to]![1] + ng)
    if (left + right >= costs[from]! + costs[to]! - 1e-12) return false
    held[from]![0] -= ok
    held[from]![1] -= ng
    held[to]![0] += ok
    held[to]![1] += ng
    costs[from] = left
    costs[to] = right
    return true
  }
  const moveAny = () => {
    let moved = false
    for (const [i, { counts }] of units.entries()) {
      for (let to = 0; to < partCount; to++) {
        if (to === parts[i] || !carry(parts[i]!, to, counts[0], counts[1])) continue
        parts[i] = to
        moved = true
      }
    }
    return moved
  }
  const exchangeAny = () => {
    let moved = false
    for (let i = 0; i < units.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [units[i]!.counts, units[j]!.counts]
        if (parts[i] === parts[j] || !carry(parts[i]!, parts[j]!, a[0] - b[0], a[1] - b[1])) continue
        const held = parts[i]!
        parts[i] = parts[j]!
        parts[j] = held
        moved = true
      }
    }
    return moved
  }
  for (let round = 0; round < 50; round++) {
    const moved = moveAny()
    const exchanged = units.length <= fewUnits && exchangeAny()
    if (!moved && !exchanged) break
  }
  return { parts, cost: costs.reduce((sum, cost) => sum + cost, 0) }
}

function sizeOf({ counts }: SplitUnit): number {
  return counts[0] + counts[1]
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = items[i]!
    items[i] = items[j]!
    items[j] = held
  }
  return items
}
