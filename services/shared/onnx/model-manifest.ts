import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { z } from 'zod'
import { classNames } from '../dataset/crop-dataset.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { readBounded } from '../files/read-bounded.ts'
import { writeFileAtomically } from '../files/write-file-atomically.ts'

/**
 * Version of the manifest's format. It grows only when the meaning of a member changes; new members are additions, which
 * older readers pass over. A reader refuses versions it does not know.
 */
export const manifestFormatVersion = 1

/** Largest manifest, bytes; those of the released models have 8,000. Whoever may write to a store decides what is in one. */
export const maxManifestBytes = 65_536

/** Members of a manifest that a message names as wrong. */
const maxIssues = 5

/**
 * How a model file stores its weights and computes: `float32`; `float16`: stored in half the size, turned into float32 at
 * load; `int8Weights`: stored in bytes with a scale per output channel, turned into float32 at load; `int8`: stored in bytes
 * and computed in integers.
 */
export const modelPrecisions = ['float32', 'float16', 'int8', 'int8Weights'] as const

export type ModelPrecision = (typeof modelPrecisions)[number]

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)
/** null: nothing to estimate from. Intervals are 95 %, two-sided. */
const estimate = z.object({ value: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable() })
const missRate = z.object({
  count,
  missed: count,
  rate: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
})

const escapeSchema = missRate.extend({
  /** Diameter from which a miss counts as an escape, px of the crop. */
  smallestSpeckPx: z.number().positive(),
  bySize: z.array(missRate.extend({ fromPx: z.number(), toPx: z.number() })),
})

const metricsSchema = z.object({
  /** Crops judged. */
  count,
  /** Margin at which all but the AUC was measured. */
  threshold: z.number(),
  confusion: z.object({ okAsOk: count, okAsNg: count, ngAsOk: count, ngAsNg: count }),
  precision: estimate,
  recall: estimate,
  accuracy: estimate,
  auc: estimate,
  /** Good crops called NG, per million. */
  overkill: z.object({
    goodCrops: count,
    calledNg: count,
    ppm: z.number().nullable(),
    lowPpm: z.number().nullable(),
    highPpm: z.number().nullable(),
  }),
  /** Specked crops called OK; only where the sizes of the specks are known. */
  escape: escapeSchema.optional(),
})

const manifestSchema = z.object({
  formatVersion: z.literal(manifestFormatVersion),
  id: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  /** SHA-256 of the ONNX file. */
  sha256: digest,
  kind: z.enum(['student', 'teacher']),
  /** Name of the network's architecture. */
  architecture: z.string().min(1),
  /** Absent in older manifests: float16 (see `precisionOf`). */
  precision: z.enum(modelPrecisions).optional(),
  input: z.object({
    name: z.string(),
    /** null: as many as the batch has. */
    shape: z.array(z.int().nullable()),
    dtype: z.string(),
    /** Version of the definition of a crop that the model was trained on. */
    cropVersion: z.int(),
  }),
  output: z.object({ name: z.string(), shape: z.array(z.int().nullable()) }),
  /** Order of the outputs. */
  classes: z.array(z.string()),
  /** Already inside the graph; here for the record. Gray values, 0 to 255. */
  standardisation: z.object({ mean: z.number(), deviation: z.number().positive() }),
  /** Temperature at which the logits were distilled; 1: trained on labels alone. */
  distillationTemperature: z.number().positive(),
  /** A pellet is NG where its margin zNG - zOK is at least this. */
  threshold: z.number(),
  metrics: z.object({ validation: metricsSchema.optional(), test: metricsSchema.optional() }),
  /** Trained numbers. */
  parameters: count,
  /** Multiply-adds of one image. */
  multiplyAdds: count,
  lineage: z.object({
    /** Where the data came from: a folder, or a simulator's settings. */
    dataSource: z.string(),
    /** SHA-256 of the pixels and labels of each part. */
    dataDigest: z.object({ train: digest, val: digest, test: digest }),
    seed: z.int(),
    /** Every option of the training. */
    options: z.record(z.string(), z.unknown()),
    /** Commit of the program that trained it, `-dirty` where the working tree differed; `unknown` outside a repository. */
    commit: z.string(),
    /** ISO 8601, UTC. */
    createdAt: z.string(),
  }),
})

/** What is known of a model file beside its weights. */
export type ModelManifest = Readonly<z.infer<typeof manifestSchema>>

/** A model's precision; older manifests, which do not say it, belong to float16 files. */
export function precisionOf({ precision }: Pick<ModelManifest, 'precision'>): ModelPrecision {
  return precision ?? 'float16'
}

/** A classifier's figures at its threshold. */
export type ClassifierMetrics = Readonly<z.infer<typeof metricsSchema>>

/** Missed specks, in all and by size. */
export type EscapeMetrics = Readonly<z.infer<typeof escapeSchema>>

/** Path of the manifest of a model: `NAME.manifest.json` beside `NAME.onnx`. */
export function manifestPath(modelPath: string): string {
  return `${modelPath.replace(/\.onnx$/, '')}.manifest.json`
}

/** A manifest with the bytes that it was read from: what a signature and the released index vouch for. */
export interface ManifestFile {
  readonly manifest: ModelManifest
  readonly manifestBytes: Uint8Array
}

/**
 * Reads the manifest beside a model. `not_found` where there is none (it says so of the model where that is missing too),
 * `invalid_argument` where it is no JSON or a member is missing or wrong, `failed_precondition` where its format is of
 * another version or it has more than `maxManifestBytes`.
 */
export async function readManifestFile(modelPath: string): Promise<ManifestFile> {
  const path = manifestPath(modelPath)
  const manifestBytes = await readBounded(path, { maxBytes: maxManifestBytes }).catch((cause) => {
    if (cause instanceof PelletlineError) throw cause
    const message = existsSync(modelPath)
      ? `${modelPath} has no manifest ${path}; give the model with its manifest.`
      : `There is no model ${modelPath}; give the path of an ONNX file with its manifest beside it.`
    throw new PelletlineError('not_found', message, { cause })
  })
  return { manifest: parseModelManifest(manifestBytes, path), manifestBytes }
}

/** The manifest beside a model; rejects as `readManifestFile` does. */
export async function readModelManifest(modelPath: string): Promise<ModelManifest> {
  return (await readManifestFile(modelPath)).manifest
}

function refuseManifest(path: string, what: string, cause?: unknown): PelletlineError {
  const text = `${path} ${what}; export the model again, or restore the file.`
  return new PelletlineError('invalid_argument', text, { cause })
}

/** A manifest's JSON of which no member has been checked, with the digest that it says it pins. */
export interface UncheckedManifest {
  readonly json: unknown
  /** SHA-256 of the ONNX file as it stands there; empty where there is no such text. */
  readonly sha256: string
}

/**
 * Decodes a manifest, as far as it must be to judge who vouches for it; `path` names it in messages. `invalid_argument` where it is
 * no JSON, `failed_precondition` where it has more than `maxManifestBytes`.
 */
export function decodeManifest(bytes: Uint8Array, path: string): UncheckedManifest {
  if (bytes.length > maxManifestBytes) {
    const text = `${path} has ${bytes.length} bytes; at most ${maxManifestBytes} are read: export the model again, or restore the file.`
    throw new PelletlineError('failed_precondition', text)
  }
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw refuseManifest(path, 'is not JSON', cause)
  }
  const { sha256 } = (json ?? {}) as { readonly sha256?: unknown }
  return { json, sha256: typeof sha256 === 'string' ? sha256 : '' }
}

/**
 * Checks a manifest's members; `path` names it in messages. `invalid_argument` where one is missing or wrong,
 * `failed_precondition` where its format is of another version.
 */
export function checkManifest(json: unknown, path: string): ModelManifest {
  const version = (json as { formatVersion?: unknown } | null)?.formatVersion
  if (typeof version === 'number' && version !== manifestFormatVersion) {
    throw new PelletlineError(
      'failed_precondition',
      `${path} has format version ${version}, this program reads version ${manifestFormatVersion}; update the program, or export the model with this one.`,
    )
  }
  const parsed = manifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const named = issues.slice(0, maxIssues).map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`)
  const more = issues.length > maxIssues ? [`${issues.length - maxIssues} more`] : []
  throw refuseManifest(path, `is not a valid manifest: ${[...named, ...more].join('; ')}`)
}

/** Reads a manifest's bytes; `path` names it in messages. Throws as `decodeManifest` and `checkManifest` do. */
export function parseModelManifest(bytes: Uint8Array, path: string): ModelManifest {
  return checkManifest(decodeManifest(bytes, path).json, path)
}

/**
 * Writes the manifest beside a model, atomically; `internal` where it does not keep to the format, `failed_precondition` where nobody
 * would read it, since it has more than `maxManifestBytes`. Returns its path.
 */
export async function writeModelManifest(modelPath: string, manifest: ModelManifest): Promise<string> {
  const path = manifestPath(modelPath)
  const text = `${JSON.stringify(manifestSchema.parse(manifest), undefined, 2)}\n`
  // Throws where it is too large.
  decodeManifest(Buffer.from(text), path)
  await writeFileAtomically(path, [text])
  return path
}

/** Checks that a model file's bytes are those its manifest pins; `data_loss` naming file, expected and found digest. */
export function verifyModelDigest(modelPath: string, bytes: Uint8Array, { sha256 }: ModelManifest): void {
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found === sha256) return
  throw new PelletlineError(
    'data_loss',
    `${modelPath} has SHA-256 ${found}; its manifest ${manifestPath(modelPath)} expects ${sha256}: the file is damaged or belongs to another manifest, fetch or export both again.`,
  )
}

/** Input, output and class order that every model of ours has. */
export const modelSignature = {
  input: { name: 'pellet', dtype: 'uint8' },
  output: { name: 'logits' },
  classes: [...classNames],
} as const
