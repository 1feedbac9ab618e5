/** Diameter of the circle of the same area (ISO 9276-1): sqrt(4 A / pi), in the unit whose square the area is in. */
export function equivalentDiameter(area: number): number {
  return Math.sqrt((4 * area) / Math.PI)
}
