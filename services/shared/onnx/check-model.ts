import { PelletlineError } from '../errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../inspection/crop.ts'
import type { ModelManifest } from './model-manifest.ts'

/** The part of a session's description that is checked; a symbolic dimension is a string. */
export interface ValueDescription {
  readonly name: string
  readonly isTensor: boolean
  readonly type?: string
  readonly shape?: readonly (number | string)[]
}

const nextStep = 'export the model again with `npx pelletline train` or give another model'

/** `uint8 pellet [N, 1, 50, 50]`. */
function describe(values: readonly ValueDescription[]): string {
  if (values.length === 0) return 'nothing'
  return values
    .map((value) => (value.isTensor ? `${value.type} ${value.name} [${value.shape?.join(', ')}]` : `${value.name}`))
    .join(' and ')
}

function matches(values: readonly ValueDescription[], name: string, type: string, dims: readonly number[]): boolean {
  const [value] = values
  if (values.length !== 1 || value === undefined || !value.isTensor) return false
  const [batch, ...rest] = value.shape ?? []
  // A batch that is fixed in the file cannot serve batches of other sizes.
  const free = typeof batch === 'string'
  return (
    value.name === name &&
    value.type === type &&
    free &&
    rest.length === dims.length &&
    dims.every((dim, axis) => rest[axis] === dim)
  )
}

/** Element types in which a model may take its crops; the values are grays, 0 to 255, in either. */
export const inputTypes = ['uint8', 'float32'] as const

export type InputType = (typeof inputTypes)[number]

/** Element type of a model's input by its manifest; `failed_precondition` where a crop cannot be given in it. */
export function inputTypeOf(modelPath: string, { input }: Pick<ModelManifest, 'input'>): InputType {
  const found = inputTypes.find((type) => type === input.dtype)
  if (found !== undefined) return found
  const text = `${modelPath} takes ${input.dtype} by its manifest; expected ${inputTypes.join(' or ')}: ${nextStep}.`
  throw new PelletlineError('failed_precondition', text)
}

/**
 * Checks that a model takes `pellet` [N,1,50,50] in the element type of its manifest and gives `logits` float32 [N,2] (order OK, NG).
 * Throws `failed_precondition` naming the file, what was expected and what was found.
 */
export function checkModelSignature(
  modelPath: string,
  inputType: InputType,
  inputs: readonly ValueDescription[],
  outputs: readonly ValueDescription[],
): void {
  if (!matches(inputs, 'pellet', inputType, [1, cropSide, cropSide])) {
    throw new PelletlineError(
      'failed_precondition',
      `${modelPath} takes ${describe(inputs)}; expected ${inputType} pellet [N, 1, ${cropSide}, ${cropSide}]: ${nextStep}.`,
    )
  }
  if (!matches(outputs, 'logits', 'float32', [2])) {
    throw new PelletlineError(
      'failed_precondition',
      `${modelPath} gives ${describe(outputs)}; expected float32 logits [N, 2]: ${nextStep}.`,
    )
  }
}

/** Grays of the warm-up crops of one gray: the ends and the middle of the scale, where a root or a division may have no answer. */
export const plainGrays = [0, 128, 255] as const

/** Checks the logits of a warm-up crop that is of one gray; throws `failed_precondition` where they are not finite. */
export function checkPlainCrop(modelPath: string, gray: number, logits: Float32Array): void {
  refuseNotFinite(modelPath, logits, () => `of the warm-up crop all of gray ${gray}`)
}

function refuseNotFinite(modelPath: string, logits: Float32Array, nameCrop: (crop: number) => string): void {
  const bad = logits.findIndex((logit) => !Number.isFinite(logit))
  if (bad < 0) return
  const text = `${modelPath} gave ${logits[bad]} as logit ${bad % 2} ${nameCrop(bad >> 1)}; expected finite numbers: ${nextStep}.`
  throw new PelletlineError('failed_precondition', text)
}

/**
 * Fills `pixels` with the warm-up crops, always the same: in turn noise over the whole range of grays, and a disc whose
 * gray differs from crop to crop, as a pellet's would.
 */
export function fillWarmUpCrops(pixels: Uint8Array): void {
  let state = 1
  for (let i = 0; i < pixels.length; i += 1) {
    const crop = Math.floor(i / cropBytes)
    if (crop % 2 === 0) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      pixels[i] = state >>> 24
    } else {
      const x = (i % cropSide) - 24.5
      const y = Math.floor((i % cropBytes) / cropSide) - 24.5
      pixels[i] = x * x + y * y < 400 ? 60 + ((crop * 37) % 180) : 0
    }
  }
}

/** Largest difference of a logit, relative to its size, that the order of additions in another batch size explains. */
const batchTolerance = 1e-2

/**
 * Checks the logits of a warm-up: `alone` are those of the first crop by itself, `together` those of a full batch that
 * starts with the same crop. They must be finite, and the crop must be judged the same in company as alone: a model that
 * mixes its batch (batch normalisation left in training form) is refused. Throws `failed_precondition`.
 */
export function checkWarmUp(modelPath: string, alone: Float32Array, together: Float32Array): void {
  for (const logits of [alone, together]) {
    refuseNotFinite(modelPath, logits, (crop) => `of warm-up crop ${crop} of ${logits.length / 2}`)
  }
  for (const [i, logit] of alone.entries()) {
    const other = together[i]!
    if (Math.abs(logit - other) > batchTolerance * Math.max(1, Math.abs(logit))) {
      throw new PelletlineError(
        'failed_precondition',
        `${modelPath} gave logit ${i} of one crop as ${logit} alone and as ${other} in a batch of ${together.length / 2}; ` +
          `expected a judgement that does not depend on the crop's neighbours: ${nextStep}.`,
      )
    }
  }
}
