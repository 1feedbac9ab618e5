/** Contrast from which a dark region of a pellet is a speck where the recipe leaves it 0, 0..1 (registry/v1 Recipe). */
export const defaultMinSpeckContrast = 0.25
