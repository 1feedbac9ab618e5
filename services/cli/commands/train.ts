import type { AddCommand } from '../cli-context.ts'

export const addTrainCommand: AddCommand = () => {}
