import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createCarriedRows } from '../carried-rows.ts'
import { drawBed, randomFrom } from '../drawn-image.ts'
import { appendRun, createRunList, type RunList } from '../run-list.ts'
import { drawnSettings } from '../segment-drawn.ts'
import { createGaussianBlur } from './blur-gaussian.ts'
import { type BoxGrid, cell, createBoxGrid, gridMargin, layGrid } from './box-grid.ts'
import { dilateEdges, erodeEnclosed } from './close-edges.ts'
import { edgeLevels } from './edge-levels.ts'
import { collectEnclosed, floodOutside } from './fill-edges.ts'
import { linkEdges } from './link-edges.ts'
import { measureGradient } from './sobel-gradient.ts'
import { createComponentSplitter } from './split-components.ts'
import { suppressNonMaxima } from './suppress-non-maxima.ts'

const size = 24

/** A grid over a whole image of `size` x `size` px, blurred and with its gradient. */
function gridOf(grayAt: (x: number, y: number) => number): BoxGrid {
  const { pixels } = drawBed(size, size)
  for (let i = 0; i < pixels.length; i++) pixels[i] = grayAt(i % size, Math.floor(i / size))
  const rows = createCarriedRows(size)
  rows.restart(0)
  rows.attach(pixels, size)
  const grid = createBoxGrid()
  layGrid(grid, wholeImage(), size, size, 0, size)
  createGaussianBlur(size).blur(grid, rows, 0, 0, size)
  measureGradient(grid)
  return grid
}

function wholeImage(): RunList {
  const runs = createRunList(size)
  for (let y = 0; y < size; y++) appendRun(runs, y, 0, size)
  return runs
}

const at = (grid: BoxGrid, x: number, y: number) => (y + gridMargin) * grid.columns + x + gridMargin

/** A grid whose edges are where the picture has #; all of it is region. */
function gridOfEdges(picture: readonly string[]): BoxGrid {
  const runs = createRunList(size)
  for (const [y, line] of picture.entries()) appendRun(runs, y, 0, line.length)
  const grid = createBoxGrid()
  // The sensor goes on around the picture, so that the outside is all around it.
  layGrid(grid, runs, picture.length, picture[0]!.length + 10, -10, 100)
  for (const [y, line] of picture.entries()) {
    for (const [x, mark] of Array.from(line).entries()) {
      if (mark !== '#') continue
      grid.cells[at(grid, x, y)]! |= cell.edge
      grid.list[grid.count++] = at(grid, x, y)
    }
  }
  return grid
}

describe('createGaussianBlur', () => {
  it('keeps a constant, in sixteenths, and spreads a point as the binomial coefficients', () => {
    const flat = gridOf(() => 201)
    assert.ok(flat.blurred.subarray(0, flat.columns * flat.lines).every((value) => value === 201 * 16))
    const point = gridOf((x, y) => (x === 10 && y === 12 ? 128 : 0))
    const weights = [1, 4, 6, 4, 1]
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        const expected = Math.floor((128 * weights[dx + 2]! * weights[dy + 2]! + 8) / 16)
        assert.equal(point.blurred[at(point, 10 + dx, 12 + dy)], expected)
      }
    }
  })
})

describe('measureGradient', () => {
  it('gives 128 per gray level and pixel of a slope, along and across, towards the bright', () => {
    const across = gridOf((x) => 5 * x)
    assert.deepEqual([across.gx[at(across, 12, 12)], across.gy[at(across, 12, 12)]], [5 * 128, 0])
    const along = gridOf((_, y) => 200 - 7 * y)
    assert.deepEqual([along.gx[at(along, 12, 12)], along.gy[at(along, 12, 12)]], [0, -7 * 128])
  })

  it('gives 40 per gray level at a sharp step, on both sides of it', () => {
    const grid = gridOf((x) => (x < 12 ? 20 : 70))
    for (const x of [11, 12]) assert.equal(grid.squared[at(grid, x, 12)], (40 * 50) ** 2)
    assert.ok(grid.squared[at(grid, 10, 12)]! < (40 * 50) ** 2)
  })

  it('stays within 32 bits at the largest contrast', () => {
    const grid = gridOf((x, y) => (x + y < 24 ? 0 : 255))
    assert.ok(grid.squared.subarray(0, grid.columns * grid.lines).every((value) => value >= 0))
  })
})

describe('suppressNonMaxima', () => {
  it('leaves one pixel on the bright side of a step, for each direction', () => {
    const steps: readonly ((x: number, y: number) => boolean)[] = [
      (x) => x >= 12,
      (x) => x < 12,
      (_, y) => y >= 12,
      (_, y) => y < 12,
    ]
    for (const isBright of steps) {
      const grid = gridOf((x, y) => (isBright(x, y) ? 200 : 50))
      suppressNonMaxima(grid, 400 ** 2, 400 ** 2)
      for (let k = 3; k < size - 3; k++) {
        const alongRow = Array.from({ length: size }, (_, x) => x).filter(
          (x) => grid.cells[at(grid, x, k)]! & cell.maximum,
        )
        const alongColumn = Array.from({ length: size }, (_, y) => y).filter(
          (y) => grid.cells[at(grid, k, y)]! & cell.maximum,
        )
        const found = alongRow.length === 1 ? [alongRow[0]!, k] : [k, alongColumn[0]!]
        assert.ok(alongRow.length === 1 || alongColumn.length === 1)
        assert.ok(isBright(found[0]!, found[1]!))
        assert.ok((grid.cells[at(grid, found[0]!, found[1]!)]! & cell.bright) !== 0)
      }
    }
  })

  it('tells whether a pixel lies on the bright or the dark side of a blurred edge', () => {
    for (const [middle, bright] of [
      [11.2, true],
      [11.8, false],
    ] as const) {
      // The pixel 11 has its centre at 11.5; the edge is a logistic slope around `middle`.
      const grid = gridOf((x) => Math.round(20 + 200 / (1 + Math.exp(-(x + 0.5 - middle) / 0.8))))
      suppressNonMaxima(grid, 400 ** 2, 400 ** 2)
      const flags = grid.cells[at(grid, 11, 12)]!
      assert.equal((flags & cell.maximum) !== 0, true)
      assert.equal((flags & cell.bright) !== 0, bright)
    }
  })
})

describe('linkEdges', () => {
  it('follows weak maxima from strong ones on, and drops those that no strong one reaches', () => {
    const grid = gridOf((x, y) => {
      const step = x >= 12 ? 12 + 2 * y : 0
      return 20 + step
    })
    suppressNonMaxima(grid, (40 * 20) ** 2, (40 * 50) ** 2)
    linkEdges(grid)
    const edgesIn = (y: number) =>
      Array.from({ length: size }, (_, x) => grid.cells[at(grid, x, y)]! & cell.edge).some(Boolean)
    // The step grows from 12 to 58 gray levels along the edge: strong below, weak above, nothing where it is too small.
    assert.deepEqual([edgesIn(1), edgesIn(8), edgesIn(21)], [false, true, true])
    const weakOnly = gridOf((x) => (x >= 12 ? 60 : 20))
    suppressNonMaxima(weakOnly, (40 * 20) ** 2, (40 * 50) ** 2)
    linkEdges(weakOnly)
    assert.ok(weakOnly.cells.every((flags) => (flags & cell.edge) === 0))
  })
})

/** Runs that the edges of a picture enclose, as [row, from, end]. */
function enclosedIn(lines: readonly string[], bright: boolean): number[][] {
  const grid = gridOfEdges(lines)
  if (bright) for (const edge of grid.list.subarray(0, grid.count)) grid.cells[edge]! |= cell.bright
  dilateEdges(grid)
  floodOutside(grid)
  erodeEnclosed(grid)
  const enclosed = createRunList(16)
  collectEnclosed(grid, enclosed)
  return Array.from({ length: enclosed.count }, (_, i) => [enclosed.y[i]!, enclosed.x0[i]!, enclosed.x1[i]!])
}

describe('fill', () => {
  const ring = [
    '................',
    '................',
    '...#######......',
    '...#.....#......',
    '...#.....#...#..',
    '...#.....#...#..',
    '...#######...#..',
    '................',
    '................',
  ]

  it('keeps what a closed outline encloses and drops an edge that encloses nothing', () => {
    assert.deepEqual(
      enclosedIn(ring, true),
      [2, 3, 4, 5, 6].map((y) => [y, 3, 10]),
    )
  })

  it('leaves the dark side of an outline out', () => {
    assert.deepEqual(
      enclosedIn(ring, false),
      [3, 4, 5].map((y) => [y, 4, 9]),
    )
  })

  it('closes a gap of two pixels, straight or at a corner, and lets the outside in through one of three', () => {
    const areaWith = (lastLine: string) =>
      enclosedIn(
        ring.map((line, at) => (at === 6 ? lastLine : line)),
        true,
      ).reduce((sum, [, from, end]) => sum + end! - from!, 0)
    assert.ok(areaWith('...##..###...#..') >= 32)
    assert.ok(areaWith('....######...#..') >= 32)
    assert.ok(areaWith('.....#####...#..') >= 32)
    assert.equal(areaWith('...##...##...#..'), 0)
  })
})

describe('createComponentSplitter', () => {
  it('gives the same components as a flood fill, and every run once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.double({ min: 0.1, max: 0.7, noNaN: true }),
        (seed, share) => {
          const random = randomFrom(seed)
          const mask = Array.from({ length: 20 }, () => Array.from({ length: 20 }, () => random() < share))
          const runs = createRunList(4)
          for (const [y, line] of mask.entries()) {
            for (let x = 0; x < 20; x++) {
              if (!line[x]) continue
              const from = x
              while (x < 20 && line[x]) x++
              appendRun(runs, y, from, x)
            }
          }
          const splitter = createComponentSplitter()
          const part = createRunList(4)
          const found: string[] = []
          for (let c = 0, count = splitter.split(runs); c < count; c++) {
            const base = splitter.copy(runs, c, part)
            assert.equal(part.y[0], 0)
            const pixels: string[] = []
            for (let i = 0; i < part.count; i++) {
              for (let x = part.x0[i]!; x < part.x1[i]!; x++) pixels.push(`${base + part.y[i]!},${x}`)
            }
            found.push(pixels.join(' '))
          }
          assert.deepEqual(found, floodFill(mask))
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** The 8-connected components of a mask, each as its pixels in order, components by their first pixel. */
function floodFill(mask: readonly (readonly boolean[])[]): string[] {
  const left = mask.map((line) => line.slice())
  const components: string[] = []
  for (let y = 0; y < mask.length; y++) {
    for (let x = 0; x < mask[0]!.length; x++) {
      if (!left[y]![x]) continue
      const pixels: [number, number][] = []
      const stack: [number, number][] = [[y, x]]
      left[y]![x] = false
      while (stack.length > 0) {
        const [py, px] = stack.pop()!
        pixels.push([py, px])
        for (let ny = py - 1; ny <= py + 1; ny++) {
          for (let nx = px - 1; nx <= px + 1; nx++) {
            if (left[ny]?.[nx] !== true) continue
            left[ny]![nx] = false
            stack.push([ny, nx])
          }
        }
      }
      pixels.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      components.push(pixels.map(([py, px]) => `${py},${px}`).join(' '))
    }
  }
  return components
}

describe('edgeLevels', () => {
  it('puts components at a third of the way from the bed to the threshold, and a certain edge at half of it', () => {
    const { componentLevel, strong, weak } = edgeLevels({ ...drawnSettings, threshold: 110, bedLevel: 10 })
    assert.equal(componentLevel, 45)
    assert.equal(strong, (40 * 50) ** 2)
    assert.ok(Math.abs(weak - (16 * 50) ** 2) < 1e-6)
  })

  it('keeps the threshold where the bed is not below it, and never takes noise of a few levels for an edge', () => {
    const { componentLevel, strong } = edgeLevels({ ...drawnSettings, threshold: 30, bedLevel: 80 })
    assert.equal(componentLevel, 30)
    assert.equal(strong, 160 ** 2)
  })
})
