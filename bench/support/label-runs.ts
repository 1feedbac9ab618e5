/**
 * The plainest way to the components of a strip, as a reference: threshold pixel by pixel, runs, union-find over
 * 8-connected runs, areas. No holes, no splitting, no measures, no crops, nothing carried. Returns the number of
 * components of at least `minAreaPx`.
 */
export function countComponents(
  pixels: Uint8Array,
  width: number,
  rows: number,
  threshold: number,
  minAreaPx: number,
): number {
  const parents: number[] = []
  const areas: number[] = []
  const find = (label: number): number => {
    let root = label
    while (parents[root] !== root) root = parents[root]!
    for (let at = label; at !== root; ) [at, parents[at]] = [parents[at]!, root]
    return root
  }
  let previous: [number, number, number][] = []
  for (let row = 0; row < rows; row++) {
    const current: [number, number, number][] = []
    const offset = row * width
    let first = 0
    for (let x = 0; x < width; x++) {
      if (pixels[offset + x]! <= threshold) continue
      const from = x
      while (x < width && pixels[offset + x]! > threshold) x++
      while (first < previous.length && previous[first]![1] < from) first++
      let label = -1
      for (let q = first; q < previous.length && previous[q]![0] <= x; q++) {
        const other = find(previous[q]![2])
        if (label === -1) label = other
        else if (other !== label) {
          parents[other] = label
          areas[label] = areas[label]! + areas[other]!
        }
      }
      if (label === -1) {
        label = parents.length
        parents.push(label)
        areas.push(0)
      }
      areas[label] = areas[label]! + x - from
      current.push([from, x, label])
    }
    previous = current
  }
  return parents.filter((parent, label) => parent === label && areas[label]! >= minAreaPx).length
}
