import { createCropDataset } from '../../shared/dataset/create-crop-dataset.ts'
import type { CropDataset, CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { cropBytes } from '../../shared/inspection/crop.ts'
import { createRandom } from '../training/random.ts'

/** Discs of different grays on black; every second one has a dark square of 3 to 8 px inside. */
export function toyCrops(count: number, seed: number): CropDataset {
  const random = createRandom('toy', seed)
  const pixels = new Uint8Array(count * cropBytes)
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2)
  const speckPx = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    const radius = 15 + random.below(8)
    const gray = 140 + random.below(80)
    const side = labels[i] === 1 ? 3 + random.below(6) : 0
    const [left, top] = [16 + random.below(12), 16 + random.below(12)]
    speckPx[i] = side
    for (let k = 0; k < cropBytes; k++) {
      const [x, y] = [k % 50, Math.floor(k / 50)]
      if ((x - 24.5) ** 2 + (y - 24.5) ** 2 > radius ** 2) continue
      const dark = x >= left && x < left + side && y >= top && y < top + side
      pixels[i * cropBytes + k] = (dark ? 30 : gray) + random.below(12)
    }
  }
  return createCropDataset({ source: `toy crops of seed ${seed}`, pixels, labels, speckPx })
}

/** Train, validation and test parts of toy crops. */
export function toySplits(train: number, val = 24, test = 24): CropSplits {
  return { train: toyCrops(train, 1), val: toyCrops(val, 2), test: toyCrops(test, 3) }
}
