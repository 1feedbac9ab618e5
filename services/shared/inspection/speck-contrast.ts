/**
 * Contrast from which a dark region of a pellet is a speck, 0..1, where nothing says otherwise: a recipe leaves it 0
 * (registry/v1 Recipe), settings and options leave it out.
 */
export const defaultMinSpeckContrast = 0.25
