export { defaultPlantOptions, type PlantOptions } from './options.ts'
export { runPlant } from './run-plant.ts'
