type Equal<Actual, Expected> =
  (<Probe>() => Probe extends Actual ? 1 : 2) extends (<Probe>() => Probe extends Expected ? 1 : 2) ? true : false

/** Compiles only if both types are the same, `any` being the same as nothing but itself. */
export function sameType<Actual, Expected> (..._same: Equal<Actual, Expected> extends true ? [] : ['the types differ']): void {}
