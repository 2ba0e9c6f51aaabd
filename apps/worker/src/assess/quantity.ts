const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes, such as `250m`, `1Gi` or `2e3`, as a number. @throws TypeError when it is none. */
export function quantity(text: string | number): number {
  const [, digits = '', unit = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(String(text)) ?? [];
  const factor = FACTORS[unit];
  const value = Number(digits);
  if (digits === '' || factor === undefined || Number.isNaN(value)) throw new TypeError(`not a quantity: ${text}`);
  return value * factor;
}
