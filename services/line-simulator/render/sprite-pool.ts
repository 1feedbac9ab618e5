import type { FaultEffects } from '../faults.ts'
import { keepPatch, type PelletPainter, type PelletPatch } from '../pellet/draw-pellet.ts'
import { type Lighting, type PelletLook, samplePelletLook } from '../pellet/pellet-look.ts'
import { createRandom } from '../random.ts'
import type { LookSource } from '../scene/place-pellets.ts'
import type { LineSettings, ProductSettings } from '../settings.ts'

/** A pool of good pellets drawn once and shown often, one set per state of the line (darkening, blur). */
export interface SpritePool extends LookSource {
  /** The drawn sprite of a look that `good` gave, under the effects it was given. */
  patch(sprite: number, effects: FaultEffects): PelletPatch
}

interface Sprite {
  readonly look: PelletLook
  patch: PelletPatch | undefined
}

/** Creates the pool; sprites are drawn when first asked for. With `settings.spritePool` 0 every look is drawn anew. */
export function createSpritePool(
  settings: LineSettings,
  seed: number,
  lighting: Lighting,
  painter: PelletPainter,
): SpritePool {
  const states = new Map<string, (Sprite | undefined)[]>()
  const spritesOf = (effects: FaultEffects): (Sprite | undefined)[] => {
    const key = `${effects.darkening} ${effects.extraBlurPx}`
    let sprites = states.get(key)
    if (sprites === undefined) {
      sprites = new Array<Sprite | undefined>(settings.spritePool).fill(undefined)
      states.set(key, sprites)
      // A fault rises in steps; only the steps that meet in one strip are shown at a time.
      if (states.size > 3) states.delete(states.keys().next().value!)
    }
    return sprites
  }
  const spriteOf = (index: number, effects: FaultEffects): Sprite => {
    const sprites = spritesOf(effects)
    return (sprites[index] ??= {
      look: samplePelletLook(createRandom(seed, 13, index), darkened(settings.product, effects), lighting),
      patch: undefined,
    })
  }
  return {
    good(random, effects) {
      if (settings.spritePool === 0) return { look: this.fresh(random, effects), sprite: -1 }
      const sprite = random.int(0, settings.spritePool - 1)
      return { look: spriteOf(sprite, effects).look, sprite }
    },
    fresh: (random, effects) => samplePelletLook(random, darkened(settings.product, effects), lighting),
    patch(index, effects) {
      const sprite = spriteOf(index, effects)
      return (sprite.patch ??= keepPatch(
        painter.draw(sprite.look, [], (index % 4) / 4, ((index >> 2) % 4) / 4, {
          blurPx: Math.hypot(settings.optics.blurPx, effects.extraBlurPx),
          sharpening: settings.optics.sharpening,
        }),
      ))
    },
  }
}

/** The product under `product-darkens`: less gray, more spread, blotchy. */
function darkened(product: ProductSettings, effects: FaultEffects): ProductSettings {
  const d = effects.darkening
  if (d === 0) return product
  return {
    ...product,
    gray: product.gray * (1 - 0.42 * d),
    graySpread: product.graySpread * (1 + d),
    mottle: Math.min(0.2, product.mottle + 0.14 * d),
    translucency: Math.min(1, product.translucency + 0.3 * d),
    patternShare: Math.max(product.patternShare, 0.9 * d),
    patternContrast: Math.max(product.patternContrast, 0.4 * d),
  }
}
