import type { Risk } from '../tariffs/input-domain.ts'

/** A motor insurance application, checked: every value lies in the input domain of the tariffs. */
export interface Application extends Risk {
  /** Chosen by whoever applies; the same id is the same application. */
  readonly applicationId: string
}

/** A plain application, in one shape, from anything that carries one (an event or a command with more fields). */
export const applicationOf = (source: Application): Application => ({
  applicationId: source.applicationId,
  area: source.area,
  vehPower: source.vehPower,
  vehAge: source.vehAge,
  drivAge: source.drivAge,
  bonusMalus: source.bonusMalus,
  vehBrand: source.vehBrand,
  vehGas: source.vehGas,
  density: source.density,
  region: source.region,
})

export const isSameApplication = (a: Application, b: Application): boolean =>
  a.applicationId === b.applicationId &&
  a.area === b.area &&
  a.vehPower === b.vehPower &&
  a.vehAge === b.vehAge &&
  a.drivAge === b.drivAge &&
  a.bonusMalus === b.bonusMalus &&
  a.vehBrand === b.vehBrand &&
  a.vehGas === b.vehGas &&
  a.density === b.density &&
  a.region === b.region
