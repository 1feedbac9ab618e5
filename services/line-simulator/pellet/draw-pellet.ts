import { type NoiseTiles, smoothStep, tileSide } from '../render/noise-tiles.ts'
import { blur, gaussianKernel, kernelRadius, sharpen } from './blur-plane.ts'
import { outlineBounds, outlineSteps } from './outline.ts'
import type { Mark, PelletLook, Tail, Texture } from './pellet-look.ts'
import type { Speck } from './speck.ts'

/** A drawn pellet: light and cover per pixel, blurred, without noise; place it with its corner at (x0, y0). */
export interface PelletPatch {
  /** Corner relative to the whole pixel that holds the pellet's centre. */
  readonly x0: number
  readonly y0: number
  readonly width: number
  readonly height: number
  /** Gray times cover, 0..255. */
  readonly light: Uint8Array
  /** Cover, 0..255: 0 is bed. */
  readonly cover: Uint8Array
}

/** How the camera blurs a pellet. */
export interface PatchOptics {
  /** Standard deviation of the point spread function, px. */
  readonly blurPx: number
  /** Strength of the camera's edge sharpening, 0..1. */
  readonly sharpening: number
}

/** Draws pellets; holds the scratch memory, so one painter serves one thread. */
export interface PelletPainter {
  /**
   * Draws a pellet whose centre lies at (fractionX, fractionY) within its pixel, each 0 <= f < 1. The patch lies in the
   * painter's memory until the next draw; `keepPatch` copies it out.
   */
  draw(
    look: PelletLook,
    specks: readonly Speck[],
    fractionX: number,
    fractionY: number,
    optics: PatchOptics,
  ): PelletPatch
}

/** A patch of its own memory. */
export function keepPatch(patch: PelletPatch): PelletPatch {
  return { ...patch, light: patch.light.slice(), cover: patch.cover.slice() }
}

const profileSteps = 256

/** Creates a painter on the given noise tiles. */
export function createPelletPainter(tiles: NoiseTiles): PelletPainter {
  let light = new Float64Array(64 * 64)
  let cover = new Float64Array(64 * 64)
  let spare = new Float64Array(64 * 64)
  let lightBytes = new Uint8Array(64 * 64)
  let coverBytes = new Uint8Array(64 * 64)
  const lit = new Float32Array(profileSteps + 1)
  const tilted = new Float32Array(profileSteps + 1)

  const draw: PelletPainter['draw'] = (look, specks, fractionX, fractionY, optics) => {
    const reach = kernelRadius(optics.blurPx) + (optics.sharpening > 0 ? kernelRadius(1) : 0) + 1
    const bounds = boundsOf(look)
    const x0 = Math.floor(bounds.left + fractionX) - reach
    const y0 = Math.floor(bounds.top + fractionY) - reach
    const width = Math.ceil(bounds.right + fractionX) + reach + 1 - x0
    const height = Math.ceil(bounds.bottom + fractionY) + reach + 1 - y0
    const size = width * height
    if (size > light.length) {
      light = new Float64Array(size)
      cover = new Float64Array(size)
      spare = new Float64Array(size)
      lightBytes = new Uint8Array(size)
      coverBytes = new Uint8Array(size)
    }
    light.fill(0, 0, size)
    cover.fill(0, 0, size)
    const frame = { x0: x0 - fractionX + 0.5, y0: y0 - fractionY + 0.5, width, height }

    profileTables(look, lit, tilted)
    shade(look, frame, light, cover, lit, tilted)
    for (const texture of look.textures) addTexture(texture, tiles[texture.tile], frame, light, cover)
    for (const mark of look.marks) addMark(mark, look.gray, frame, light, cover)
    for (const speck of specks) addSpeck(speck, frame, light)
    if (look.tail !== undefined) addTail(look.tail, look.gray * 0.85, frame, light, cover)

    // From here on light is premultiplied, so that blur mixes pellet and bed as the lens does.
    for (let i = 0; i < size; i++) light[i] = light[i]! * cover[i]!
    if (optics.blurPx > 0.15) {
      const kernel = gaussianKernel(optics.blurPx)
      blur(light, spare, width, height, kernel)
      blur(cover, spare, width, height, kernel)
    }
    if (optics.sharpening > 0) sharpen(light, cover, spare, width, height, optics.sharpening)
    const outLight = lightBytes.subarray(0, size)
    const outCover = coverBytes.subarray(0, size)
    for (let i = 0; i < size; i++) {
      const c = cover[i]!
      if (c < 0.002) {
        outLight[i] = 0
        outCover[i] = 0
        continue
      }
      const v = light[i]! + 0.5
      outLight[i] = Math.min(v, 255)
      outCover[i] = c < 1 ? c * 255 + 0.5 : 255
    }
    return { x0, y0, width, height, light: outLight, cover: outCover }
  }
  return { draw }
}

/** Where the pixel centres of the patch lie about the pellet's centre. */
interface Frame {
  readonly x0: number
  readonly y0: number
  readonly width: number
  readonly height: number
}

function boundsOf(look: PelletLook): { left: number; top: number; right: number; bottom: number } {
  const bounds = outlineBounds(look.outline, look.rotation)
  const tail = look.tail
  if (tail === undefined) return bounds
  const reach = tail.length + tail.width
  return {
    left: Math.min(bounds.left, tail.x - reach),
    top: Math.min(bounds.top, tail.y - reach),
    right: Math.max(bounds.right, tail.x + reach),
    bottom: Math.max(bounds.bottom, tail.y + reach),
  }
}

/** Brightness from above and by tilt towards the light, by distance from the centre relative to the outline. */
function profileTables(look: PelletLook, lit: Float32Array, tilted: Float32Array): void {
  for (let i = 0; i <= profileSteps; i++) {
    const rho = Math.min(0.995, i / profileSteps)
    const inner = 1 - rho ** look.profile
    const steep = (look.dome * look.profile * rho ** (look.profile - 1)) / (2 * Math.sqrt(inner))
    const normal = 1 / Math.sqrt(1 + steep * steep)
    const core = look.core * Math.exp(-((rho / look.coreRadius) ** 2))
    lit[i] = look.ambient * (0.75 + 0.25 * normal) + look.diffuse * look.lightZ * normal + core
    tilted[i] = look.diffuse * steep * normal
  }
}

function shade(
  look: PelletLook,
  frame: Frame,
  light: Float64Array,
  cover: Float64Array,
  lit: Float32Array,
  tilted: Float32Array,
): void {
  const { radius, slant, maxRadius } = look.outline
  const perTurn = outlineSteps / (2 * Math.PI)
  const turned = look.rotation * perTurn
  const outer = (maxRadius + 1) * (maxRadius + 1)
  const axisX = Math.cos(look.rotation)
  const axisY = Math.sin(look.rotation)
  const across = look.axisHalfWidth
  const lightAcross = -look.lightX * axisY + look.lightY * axisX
  const mask = outlineSteps - 1
  for (let row = 0, i = 0; row < frame.height; row++) {
    const dy = frame.y0 + row
    for (let column = 0; column < frame.width; column++, i++) {
      const dx = frame.x0 + column
      const squared = dx * dx + dy * dy
      if (squared > outer) continue
      const r = Math.sqrt(squared)
      const at = (fastAngle(dx, dy) * perTurn - turned + 4 * outlineSteps + 0.5) & mask
      const edge = radius[at]!
      const distance = (edge - r) * slant[at]!
      if (distance <= -0.5) continue
      cover[i] = distance >= 0.5 ? 1 : distance + 0.5
      const rho = r < edge ? r / edge : 1
      const step = (rho * profileSteps) | 0
      let value: number
      if (across > 0) {
        // A cylinder on its side curves only across its axis; its end faces just darken a little.
        const q = Math.min(0.985, Math.abs(dx * -axisY + dy * axisX) / across)
        const side = dx * -axisY + dy * axisX < 0 ? -1 : 1
        const normal = Math.sqrt(1 - q * q)
        value =
          look.ambient * (0.7 + 0.3 * normal) +
          look.diffuse * (look.lightZ * normal + lightAcross * q * side) +
          0.5 * (lit[step]! - lit[0]!) * (1 - look.diffuse)
      } else {
        const inverse = r > 0.01 ? 1 / r : 0
        value = lit[step]! + tilted[step]! * (look.lightX * dx + look.lightY * dy) * inverse
      }
      if (distance < look.rimPx * 2) value *= 1 - look.rimDark * (1 - Math.max(0, distance) / (look.rimPx * 2)) ** 2
      light[i] = look.gray * Math.max(value, 0.12)
    }
  }
}

/** atan2 within 0.004 rad, several times faster than Math.atan2. */
function fastAngle(x: number, y: number): number {
  const ax = Math.abs(x)
  const ay = Math.abs(y)
  const big = Math.max(ax, ay)
  if (big === 0) return 0
  const t = Math.min(ax, ay) / big
  let angle = t * (0.97239411 + t * t * -0.19194795)
  if (ay > ax) angle = Math.PI / 2 - angle
  if (x < 0) angle = Math.PI - angle
  return y < 0 ? -angle : angle
}

function addTexture(
  texture: Texture,
  tile: Float32Array,
  frame: Frame,
  light: Float64Array,
  cover: Float64Array,
): void {
  const cos = Math.cos(texture.rotation) * texture.scale
  const sin = Math.sin(texture.rotation) * texture.scale
  const mask = tileSide - 1
  const amplitude = texture.amplitude
  for (let row = 0, i = 0; row < frame.height; row++) {
    let u = texture.offsetX - row * sin + 1024
    let v = texture.offsetY + row * cos + 1024
    for (let column = 0; column < frame.width; column++, i++, u += cos, v += sin) {
      if (cover[i] === 0) continue
      const ui = u | 0
      const vi = v | 0
      const fu = u - ui
      const fv = v - vi
      const top = (vi & mask) * tileSide
      const bottom = ((vi + 1) & mask) * tileSide
      const left = ui & mask
      const right = (ui + 1) & mask
      const a = tile[top + left]! + (tile[top + right]! - tile[top + left]!) * fu
      const b = tile[bottom + left]! + (tile[bottom + right]! - tile[bottom + left]!) * fu
      light[i] = light[i]! * (1 + amplitude * (a + (b - a) * fv))
    }
  }
}

function addMark(mark: Mark, gray: number, frame: Frame, light: Float64Array, cover: Float64Array): void {
  const reach =
    mark.kind === 'ring' ? mark.a + 3 * mark.b : mark.kind === 'line' ? mark.a + 2 : 2.6 * Math.max(mark.a, mark.b)
  const cos = Math.cos(mark.rotation)
  const sin = Math.sin(mark.rotation)
  const gain = mark.amplitude
  eachPixelNear(mark.x, mark.y, reach, frame, (i, dx, dy) => {
    if (cover[i] === 0) return
    const u = dx * cos + dy * sin
    const v = dy * cos - dx * sin
    let weight: number
    if (mark.kind === 'ring') {
      const off = (Math.sqrt(dx * dx + dy * dy) - mark.a) / mark.b
      weight = off * off > 9 ? 0 : Math.exp(-off * off)
    } else if (mark.kind === 'line') {
      const off = (v - 0.25 * (u / mark.a) ** 2 * Math.min(6, mark.a)) / mark.b
      const end = Math.abs(u) / mark.a
      weight = end >= 1 || off * off > 9 ? 0 : Math.exp(-off * off) * Math.min(1, 3 * (1 - end))
    } else {
      const q = (u / mark.a) ** 2 + (v / mark.b) ** 2
      weight = q > 7 ? 0 : Math.exp(-q)
    }
    // A highlight is reflected light, added on top; the others change what the surface sends back.
    if (mark.kind === 'gloss') light[i] = light[i]! + gray * gain * weight
    else light[i] = light[i]! * (1 + gain * weight)
  })
}

function addSpeck(speck: Speck, frame: Frame, light: Float64Array): void {
  const cos = Math.cos(speck.rotation)
  const sin = Math.sin(speck.rotation)
  const mean = Math.sqrt(speck.a * speck.b)
  const soft = Math.max(0.3, speck.softPx)
  const reach = speck.a * (1 + speck.ragged + Math.abs(speck.bend)) + soft + 1
  const ragged = 1 + speck.ragged
  const outermost = (ragged * (1 + (ragged * (soft / 2 + 0.2)) / speck.b)) ** 2
  eachPixelNear(speck.x, speck.y, reach, frame, (i, dx, dy) => {
    const u = dx * cos + dy * sin
    let v = dy * cos - dx * sin
    if (speck.bend !== 0) v -= speck.bend * speck.a * ((u / speck.a) ** 2 - 0.4)
    const squared = (u / speck.a) ** 2 + (v / speck.b) ** 2
    if (squared > outermost) return
    let q = Math.sqrt(squared)
    if (speck.ragged > 0) {
      const angle = fastAngle(u, v)
      q /= 1 + speck.ragged * (0.6 * Math.cos(3 * angle + speck.phase) + 0.4 * Math.cos(5 * angle + 2 * speck.phase))
    }
    // Distance to the edge of the ellipse along its gradient, so that the edge is as soft on the flanks as at the ends.
    const gradient =
      q > 0.05 ? Math.sqrt((u / (speck.a * speck.a)) ** 2 + (v / (speck.b * speck.b)) ** 2) / q : 1 / mean
    const distance = (q - 1) / Math.max(gradient, 0.3 / mean)
    const weight = 1 - smoothStep(-soft / 2 - 0.2, soft / 2 + 0.2, distance)
    if (weight > 0) light[i] = light[i]! * (1 - speck.contrast * weight)
  })
}

function addTail(tail: Tail, gray: number, frame: Frame, light: Float64Array, cover: Float64Array): void {
  const steps = Math.ceil(tail.length * 2)
  let x = tail.x
  let y = tail.y
  let direction = tail.direction
  for (let k = 0; k <= steps; k++) {
    const half = (tail.width / 2) * (1 - (0.7 * k) / steps)
    eachPixelNear(x, y, half + 1, frame, (i, dx, dy) => {
      const here = Math.min(1, Math.max(0, half + 0.5 - Math.sqrt(dx * dx + dy * dy)))
      if (here <= cover[i]!) return
      if (light[i] === 0) light[i] = gray
      cover[i] = here
    })
    x += Math.cos(direction) * 0.5
    y += Math.sin(direction) * 0.5
    direction += tail.bend / steps
  }
}

function eachPixelNear(
  x: number,
  y: number,
  reach: number,
  frame: Frame,
  visit: (index: number, dx: number, dy: number) => void,
): void {
  const left = Math.max(0, Math.floor(x - reach - frame.x0))
  const right = Math.min(frame.width - 1, Math.ceil(x + reach - frame.x0))
  const top = Math.max(0, Math.floor(y - reach - frame.y0))
  const bottom = Math.min(frame.height - 1, Math.ceil(y + reach - frame.y0))
  for (let row = top; row <= bottom; row++)
    for (let column = left; column <= right; column++)
      visit(row * frame.width + column, frame.x0 + column - x, frame.y0 + row - y)
}
