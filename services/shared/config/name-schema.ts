import { z } from 'zod'

/** A name as the proto has it for plants, lines, cameras and runs. */
export const nameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, {
  error: 'valid is: 1 to 63 letters, digits, ".", "_" and "-", the first a letter or digit',
})

/** Name of a plant that was given none. */
export const defaultPlantName = 'plant-1'
