import assert from 'node:assert/strict'
import { join } from 'node:path'
import { modelDirectory, writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { openDatabase } from '../../services/shared/store/index.ts'
import { type ModelPlant, startModelPlant } from './model-plant.ts'
import { runCliInside } from './run-cli-inside.ts'

/** A plant that trusts one key, with its store of tiny models and the key pair `plant` beside them. */
export interface SignedPlant {
  readonly plant: ModelPlant
  readonly publicKey: string
  /** Path of a file in the store. */
  path(name: string): string
  stop(): Promise<void>
}

/** Starts a plant whose student begins with the first of the `signed` models; the `unsigned` ones lie in its store too. */
export async function startSignedPlant(
  signed: readonly string[],
  unsigned: readonly string[] = [],
): Promise<SignedPlant> {
  const directory = await modelDirectory()
  const path = (name: string) => join(directory.path, name)
  const [modelPath] = await Promise.all([...signed, ...unsigned].map((id) => writeTinyModel(directory.path, { id })))
  const made = await runCliInside('models', 'keygen', path('plant'), '--json')
  const { publicKey } = made.json()[0] as { readonly publicKey: string }
  // Where a configuration names keys, its own model is signed too.
  for (const id of signed) {
    assert.equal((await runCliInside('models', 'sign', path(`${id}.onnx`), '--key', path('plant.key'))).code, 0)
  }
  const database = await openDatabase({ kind: 'pglite' })
  const models = { allowUnsigned: false, trustedKeys: [publicKey] }
  const plant = await startModelPlant({ modelPath: modelPath!, database, student: { models } })
  return {
    plant,
    publicKey,
    path,
    async stop() {
      await plant.stop()
      await database.close()
      await directory.remove()
    },
  }
}
