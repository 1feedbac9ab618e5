import type { Command } from 'commander'
import { SegmentationMethod } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type Recipe, RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { completeShapeLimits } from '../../shared/inspection/classify-shape.ts'
import { defaultMinSpeckContrast } from '../../shared/inspection/speck-contrast.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { formatCount, formatPercent, formatQuantity } from '../format-number.ts'
import { parseInteger } from '../parse-option.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { nameOf } from '../remote/describe-lot.ts'

/** `recipes show`. */
export const addRecipesCommand: AddCommand = (program, context) => {
  const recipes = program.command('recipes').description('show the recipes by which a running plant judges')
  withAddress(recipes.command('show'))
    .description('one recipe, the latest version where none is named')
    .argument('<recipe>', 'name of the recipe; `pelletline lines list` shows those in force')
    .option('--recipe-version <n>', 'version of the recipe', parseInteger({ min: 1, max: 0xffffffff }))
    .addHelpText('after', exampleText(['npx pelletline recipes show default']))
    .action(async (id: string, options: { address: string; recipeVersion?: number }, command: Command) => {
      const terminal = context.terminal(command)
      const { recipe } = await callPlant(RegistryService, options.address, (client) =>
        client.getRecipe({ id, version: options.recipeVersion ?? 0 }, { signal: context.interrupt() }),
      )
      if (recipe === undefined) return
      terminal.printJson(recipeJson(recipe))
      if (!terminal.json) terminal.printTable([{ title: 'What' }, { title: 'Value' }], recipeDetails(recipe))
    })
}

const methodNames: Readonly<Record<number, string>> = {
  [SegmentationMethod.UNSPECIFIED]: 'regions',
  [SegmentationMethod.REGIONS]: 'regions',
  [SegmentationMethod.EDGES]: 'edges',
}

function recipeJson(recipe: Recipe): object {
  return {
    id: recipe.id,
    version: recipe.version,
    material: recipe.material,
    ngThreshold: recipe.ngThreshold ?? null,
    minAreaPx: recipe.minAreaPx,
    nominalAreaPx: recipe.nominalAreaPx,
    cropScale: recipe.cropScale,
    audit: {
      ngRate: recipe.audit?.ngRate ?? null,
      nearThresholdRate: recipe.audit?.nearThresholdRate ?? null,
      nearThresholdBand: recipe.audit?.nearThresholdBand ?? null,
      baseRate: recipe.audit?.baseRate ?? null,
    },
    disagreementLimit: recipe.disagreementLimit,
    disagreementHysteresis: recipe.disagreementHysteresis,
    disagreementWindow: recipe.disagreementWindow,
    rowsLostLimit: recipe.rowsLostLimit,
    segmentationMethod: nameOf(methodNames, recipe.segmentationMethod),
    minSpeckContrast: recipe.minSpeckContrast || defaultMinSpeckContrast,
    shape: completeShapeLimits(recipe.shape),
    referenceGray: recipe.referenceGray ?? null,
  }
}

function recipeDetails(recipe: Recipe): readonly (readonly string[])[] {
  const share = (value: number | undefined) => formatPercent(value, 3)
  const shape = completeShapeLimits(recipe.shape)
  return [
    ['Recipe', recipe.id],
    ['Version', String(recipe.version)],
    ['Material', recipe.material || '-'],
    ['NG threshold (margin)', recipe.ngThreshold === undefined ? "the model's own" : String(recipe.ngThreshold)],
    ['Smallest pellet, px', formatCount(recipe.minAreaPx)],
    ['Nominal pellet area, px', formatQuantity(recipe.nominalAreaPx)],
    ['Scale of crops', formatQuantity(recipe.cropScale)],
    ['Audited of NG', share(recipe.audit?.ngRate)],
    ['Audited near threshold', share(recipe.audit?.nearThresholdRate)],
    ['  within a margin of', formatQuantity(recipe.audit?.nearThresholdBand)],
    ['Audited of the rest', share(recipe.audit?.baseRate)],
    ['Limit of disagreement', share(recipe.disagreementLimit)],
    ['  resolves below', share(recipe.disagreementLimit * recipe.disagreementHysteresis)],
    ['  window, audited pellets', formatCount(recipe.disagreementWindow)],
    ['Limit of lost rows', share(recipe.rowsLostLimit)],
    ['Pellets are found by', nameOf(methodNames, recipe.segmentationMethod)],
    ['Specks from contrast', formatQuantity(recipe.minSpeckContrast || defaultMinSpeckContrast)],
    ['Fines below, of median diameter', formatQuantity(shape.finesDiameter)],
    ['Tails above, length over width', formatQuantity(shape.tailLength)],
    ['Twins above, median areas', formatQuantity(shape.twinArea)],
    ['Reference gray', formatQuantity(recipe.referenceGray)],
  ]
}
