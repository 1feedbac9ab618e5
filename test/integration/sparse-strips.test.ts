import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type BlockEncoder, createBlockEncoder } from '../../services/camera-gateway/block-encoder.ts'
import { SegmentationMethod } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { createLineSegmenter } from '../../services/roi-segmentation/kernel/create-line-segmenter.ts'
import { createSegmenter } from '../../services/roi-segmentation/kernel/create-segmenter.ts'
import { copyOf, findDifference, readRandomRun } from '../../services/roi-segmentation/kernel/random-strips.ts'
import type { SegmentationSettings, Segmenter, StripPellets } from '../../services/roi-segmentation/kernel/types.ts'
import { checkBlocks } from '../../services/shared/strips/check-blocks.ts'
import { componentLevelOf } from '../../services/shared/strips/component-level.ts'
import { decodeBlocks } from '../../services/shared/strips/decode-blocks.ts'
import { createTestRandom } from '../support/draw-belt.ts'
import { drawLooseBelt } from '../support/draw-loose-belt.ts'

/** Even what is not worth it comes as blocks. */
const encoder = createBlockEncoder({ worthwhileShare: 3 })

interface Sent {
  bytes: number
  pixels: number
}

function demandOf({ threshold, bedLevel = 0, medianAreaPx, method }: SegmentationSettings) {
  const isEdges = method === 'edges'
  return { threshold, bedLevel, medianAreaPx, method: isEdges ? SegmentationMethod.EDGES : SegmentationMethod.REGIONS }
}

/** A segmenter that sees strips as they come out of their sparse form; what is left out has another gray level each time. */
function throughBlocks(segmenter: Segmenter, blocks: BlockEncoder, sent: Sent): Segmenter {
  let turn = 0
  return {
    push(strip, settings) {
      const { width, rows } = strip
      const demand = { ...demandOf(settings), width, rows }
      blocks.room(width * rows)!.set(strip.pixels)
      const sparse = blocks.encode(demand)
      if (sparse === undefined) return segmenter.push(strip, settings)
      const level = componentLevelOf(demand)
      assert.deepEqual(checkBlocks(sparse, width, rows, level), [])
      sent.bytes += sparse.blocks.length
      sent.pixels += width * rows
      const fill = [sparse.fill, 0, Math.max(0, level)][turn++ % 3]!
      const pixels = decodeBlocks({ ...sparse, fill }, width, rows, new Uint8Array(width * rows))
      return segmenter.push({ ...strip, pixels }, settings)
    },
    flush: (settings) => segmenter.flush(settings),
  }
}

/** Reads a loose belt, cut anywhere, by one method or both; the same seed gives every segmenter the same calls. */
function readLooseBelt(seed: number, methods: readonly ('regions' | 'edges')[], create: (width: number) => Segmenter) {
  const random = createTestRandom(seed)
  // Where edges are looked for, components begin at 0.35 of the threshold or above; the bed is to lie below.
  const noise = methods.includes('edges') ? 0.35 : 1
  const belt = drawLooseBelt(random, { width: 640, rows: 300, things: 24, noise })
  const { width, rows, threshold, radius } = belt
  const segmenter = create(width)
  const longest = random() < 0.3 ? 40 : 200
  const found: StripPellets[] = []
  const settings = {
    threshold,
    medianAreaPx: Math.PI * radius ** 2 * (0.5 + random()),
    minAreaPx: random() * 20,
    cropScale: random() < 0.5 ? 1 : 0.3 + 0.7 * random(),
    maxPelletRows: random() < 0.8 ? 1000 : 30,
    maxPelletsPerStrip: 1000,
    bedLevel: random() * threshold,
    smallestSpeckPx: random() * 3,
    minSpeckContrast: 0.05 + random() * 0.4,
  }
  for (let row = 0; row < rows; ) {
    const taken = Math.min(rows - row, 1 + Math.floor(random() * longest))
    const pixels = belt.pixels.slice(row * width, (row + taken) * width)
    const method = methods[Math.floor(random() * methods.length)]!
    const strip = { pixels, width, rows: taken, firstRow: row, rowsLostBefore: 0 }
    found.push(copyOf(segmenter.push(strip, { ...settings, method })))
    row += taken
  }
  found.push(copyOf(segmenter.flush({ ...settings, method: methods[0]! })))
  return found
}

function holdEqual(runs: number, methods: readonly ('regions' | 'edges')[]): Sent & { pellets: number } {
  const sent = { bytes: 0, pixels: 0, pellets: 0 }
  const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 })
  const property = fc.property(seeds, (seed) => {
    const whole = readLooseBelt(seed, methods, (width) => createSegmenter({ width }))
    for (const create of [createSegmenter, createLineSegmenter]) {
      const sparse = readLooseBelt(seed, methods, (width) => throughBlocks(create({ width }), encoder, sent))
      assert.equal(findDifference(whole, sparse), undefined, create.name)
    }
    for (const { pellets } of whole) sent.pellets += pellets.count
  })
  fc.assert(property, { numRuns: runs, seed: 6 })
  return sent
}

describe('sparse strips', () => {
  it('give the columns and crops of whole strips to the bit, by the reference and by the kernel', () => {
    const { bytes, pixels, pellets } = holdEqual(60, ['regions'])
    assert.ok(bytes < 0.7 * pixels, `${bytes} of ${pixels} bytes were sent: nothing to leave out was drawn`)
    assert.ok(pellets > 300, `${pellets} pellets`)
  })

  it('give them by edges as well, and where the method changes within a run', () => {
    const edges = holdEqual(20, ['edges'])
    assert.ok(edges.bytes < 0.8 * edges.pixels, `${edges.bytes} of ${edges.pixels} bytes were sent`)
    const both = holdEqual(20, ['regions', 'edges'])
    assert.ok(both.bytes < 0.8 * both.pixels, `${both.bytes} of ${both.pixels} bytes were sent`)
  })

  it('give them on strips full of anything, with settings that fit or do not', () => {
    const sent = { bytes: 0, pixels: 0 }
    const limits = { maxWidth: 160, maxRows: 64, methods: true }
    for (let seed = 1; seed <= 60; seed++) {
      const whole = readRandomRun(seed, limits, createSegmenter)
      const sparse = readRandomRun(seed, limits, (options) =>
        throughBlocks(createLineSegmenter(options), encoder, sent),
      )
      assert.equal(findDifference(whole, sparse), undefined, `seed ${seed}`)
    }
    assert.ok(sent.pixels > 0)
  })
})
