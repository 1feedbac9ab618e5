import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { StudentInferenceService } from '../../services/gen/pelletline/inference/v1/inference_pb.ts'
import { type Recipe, RecipeSchema, RegistryService } from '../../services/gen/pelletline/registry/v1/registry_pb.ts'
import { grayCrops, modelDirectory, writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { createRpcClient } from '../../services/shared/rpc/create-rpc-client.ts'
import type { ServiceClient } from '../../services/shared/rpc/types.ts'
import { openDatabase, type Store } from '../../services/shared/store/index.ts'
import { startModelPlant } from '../support/model-plant.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let modelPath: string
let database: Store
before(async () => {
  database = await openDatabase({ kind: 'pglite' })
  directory = await modelDirectory()
  modelPath = await writeTinyModel(directory.path, { id: 'one', threshold: 1 })
})
after(async () => {
  await database.close()
  await directory.remove()
})

type Student = ServiceClient<typeof StudentInferenceService>

const crop = grayCrops(120)

/** The recipe in force on a line, which becomes known by this. */
async function knowLine(registry: ServiceClient<typeof RegistryService>, line: string): Promise<Recipe> {
  for await (const { assignment } of registry.watchLine({ line })) return assignment!.recipe!
  return assert.fail('the watch ended')
}

async function thresholdOf(student: Student, line: string): Promise<number> {
  const { results } = await student.classifyCrops({ crops: [crop], line })
  const [first] = results
  assert.ok(first!.result.case === 'classification')
  return first!.result.value.threshold
}

/** Asks until the threshold is this one: the student may hold what it knows for a second. */
async function untilThreshold(student: Student, line: string, threshold: number): Promise<void> {
  while ((await thresholdOf(student, line)) !== threshold);
}

test('a recipe that is stored while the student serves holds for its line soon, and asking for a line makes none known', async () => {
  const plant = await startModelPlant({ modelPath, database })
  const registry = createRpcClient(RegistryService, { address: plant.address })
  const student = createRpcClient(StudentInferenceService, { address: plant.address })
  try {
    const unknown = { code: 'not_found', message: /There is no line line-7 here/ } as const
    await assert.rejects(student.classifyCrop({ crop, line: 'line-7' }), unknown)
    const recipe = await knowLine(registry, 'line-1')
    assert.equal(recipe.ngThreshold, undefined)
    while (
      await thresholdOf(student, 'line-1').then(
        (found) => found !== 1,
        () => true,
      )
    );
    for (const ngThreshold of [0.5, 2.5]) {
      await registry.putRecipe({ recipe: create(RecipeSchema, { ...recipe, version: 0, ngThreshold }) })
      await untilThreshold(student, 'line-1', ngThreshold)
    }
    await assert.rejects(
      student.classifyCrop({ crop, line: 'line-7' }),
      /There is no line line-7 here; there is line-1\./,
    )
    const { lines } = await registry.listLines({})
    assert.deepEqual(
      lines.map(({ id }) => id),
      ['line-1'],
    )
  } finally {
    student.close()
    registry.close()
    await plant.stop()
  }
})
