/**
 * Sampling error clustered by patient: one mechanism for every variance and covariance of the package.
 *
 * An estimate is, to first order, its true value plus a sum of small contributions, one per sample (its influence:
 * for an AUC the centred placements of DeLong et al. 1988, for a proportion the centred outcomes). Contributions come
 * in parts, one per stratum: an AUC has a part of positives and a part of negatives. Samples of one patient may depend
 * on one another, patients do not; so contributions are summed by patient, and
 *
 *   cov(A, B) = Σ over parts a of A, b of B:  I/(I−1) · Σ over patients: total_a · total_b,
 *
 * with I the number of patients in either part. For one AUC this is exactly the variance of Obuchowski (1997): the
 * part of positives gives S10/M, the part of negatives S01/N, the mixed pair 2·S11/(M·N). With one sample per patient
 * the mixed pair vanishes and DeLong's variance remains. For two score vectors on the same samples it is her
 * covariance of correlated areas; for groups that share patients (two views of one chest) it carries the dependence
 * across groups; for a proportion it is the linearised variance of a ratio estimator.
 *
 * N. A. Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997) 567–578.
 */

/** One stratum's contributions to an estimate's sampling error, summed by patient. */
export interface ErrorPart {
  /** Patient codes, strictly ascending. */
  readonly patients: Int32Array;
  /** The sum of each patient's contributions. */
  readonly totals: Float64Array;
  /** Where the contributions are linear in counts: products are then had without going through the patients. */
  readonly counted?: CountedError;
  /** How many patients there are, where the lists are made only when they are looked at; and Σ of the squares of the totals. */
  readonly patientCount?: number;
  readonly squares?: number;
}

/** An error that is linear in each patient's counts of something. */
export interface CountedError {
  readonly patientCount: number;
  /** null where the other is of counts of another kind. */
  productWith(other: CountedError): Product | null;
  scaled(factor: number): ErrorPart;
}

/** Σ over patients in both of the product of their contributions, and how many are in both. */
export interface Product {
  readonly product: number;
  readonly shared: number;
}

export type SamplingError = readonly ErrorPart[];

/**
 * Sums contributions by patient.
 * @param patients patient code of each contribution, ascending (not strictly): callers keep samples in patient order
 */
export function errorPart(patients: Int32Array, contributions: Float64Array): ErrorPart {
  const codes = distinctCodes(patients);
  const totals = new Float64Array(codes.length);
  let place = -1;
  for (let i = 0; i < patients.length; i++) {
    if (i === 0 || patients[i] !== patients[i - 1]) place++;
    totals[place] = (totals[place] as number) + (contributions[i] as number);
  }
  return { patients: codes, totals };
}

/** Room for a number a sample, which whoever asks for it fills and is done with before anybody else asks. */
let room = new Float64Array(0);

export function roomFor(count: number): Float64Array {
  if (room.length < count) room = new Float64Array(Math.max(count, 2 * room.length));
  return room.subarray(0, count);
}

/**
 * A part whose contributions are written into room that is used again and again: its variance is taken at once, and its lists are
 * made where a covariance asks for them. Most errors are asked for their variance alone, and lists of all patients for each would
 * be most of what an audit of a large study allocates.
 * @param patients patient code of each contribution, ascending (not strictly)
 * @param write writes every contribution
 * @param again the same where the lists are asked for later: it must not look at what may have changed by then
 */
export function writtenPart(
  patients: Int32Array,
  write: (contributions: Float64Array) => void,
  again = write,
): ErrorPart {
  const contributions = roomFor(patients.length);
  write(contributions);
  const { count, product } = squaresByPatient(patients, contributions);
  return deferredPart(count, product, () => {
    const rewritten = roomFor(patients.length);
    again(rewritten);
    return errorPart(patients, rewritten);
  });
}

/**
 * The same for the samples with either label, as two parts: the negatives' and the positives'.
 * @param labels 1 or 0
 */
export function writtenParts(
  patients: Int32Array,
  labels: Uint8Array,
  write: (contributions: Float64Array) => void,
  again = write,
): readonly [negatives: ErrorPart, positives: ErrorPart] {
  const contributions = roomFor(patients.length);
  write(contributions);
  const n = patients.length;
  const squares = new Float64Array(2);
  const counts = new Float64Array(2);
  let [mixed, shared] = [0, 0];
  for (let i = 0; i < n; ) {
    const patient = patients[i] as number;
    let [negative, positive, kinds] = [0, 0, 0];
    do {
      if (labels[i] === 1) {
        positive += contributions[i] as number;
        kinds |= 2;
      } else {
        negative += contributions[i] as number;
        kinds |= 1;
      }
      i++;
    } while (i < n && patients[i] === patient);
    squares[0] = (squares[0] as number) + negative * negative;
    squares[1] = (squares[1] as number) + positive * positive;
    counts[0] = (counts[0] as number) + (kinds & 1);
    counts[1] = (counts[1] as number) + (kinds >> 1);
    if (kinds === 3) {
      mixed += negative * positive;
      shared++;
    }
  }
  const part = (label: number) =>
    deferredPart(counts[label] as number, squares[label] as number, () => {
      const rewritten = roomFor(n);
      again(rewritten);
      return errorPartOf(patients, rewritten, labels, label);
    });
  const parts = [part(0), part(1)] as const;
  declareProduct(parts[0], parts[1], { product: mixed, shared });
  return parts;
}

/** How many patients there are, and Σ over them of the square of their summed contributions. */
function squaresByPatient(patients: Int32Array, contributions: Float64Array) {
  const n = patients.length;
  let [count, product] = [0, 0];
  for (let i = 0; i < n; ) {
    const patient = patients[i] as number;
    let total = contributions[i++] as number;
    while (i < n && patients[i] === patient) total += contributions[i++] as number;
    product += total * total;
    count++;
  }
  return { count, product };
}

const distinct = new WeakMap<Int32Array, Int32Array>();

/** The codes that occur, each once: one list for all estimates on the same samples. */
function distinctCodes(patients: Int32Array): Int32Array {
  let codes = distinct.get(patients);
  if (codes === undefined) {
    let count = 0;
    for (let i = 0; i < patients.length; i++) if (i === 0 || patients[i] !== patients[i - 1]) count++;
    codes = new Int32Array(count);
    let place = 0;
    for (let i = 0; i < patients.length; i++) {
      if (i === 0 || patients[i] !== patients[i - 1]) codes[place++] = patients[i] as number;
    }
    distinct.set(patients, codes);
  }
  return codes;
}

/** The same for the samples with one label, such as the positives. */
export function errorPartOf(
  patients: Int32Array,
  contributions: Float64Array,
  labels: Uint8Array,
  label: number,
): ErrorPart {
  const codes = new Int32Array(patients.length);
  const totals = new Float64Array(patients.length);
  let last = -1;
  for (let i = 0; i < patients.length; i++) {
    if (labels[i] !== label) continue;
    const patient = patients[i] as number;
    if (last < 0 || codes[last] !== patient) codes[++last] = patient;
    totals[last] = (totals[last] as number) + (contributions[i] as number);
  }
  return { patients: codes.slice(0, last + 1), totals: totals.slice(0, last + 1) };
}

/** Covariance of two estimates; the formula stands at the head of this file. */
export function covariance(a: SamplingError, b: SamplingError): number {
  let sum = 0;
  for (const partOfA of a) for (const partOfB of b) sum += partCovariance(partOfA, partOfB);
  return sum;
}

export function variance(error: SamplingError): number {
  let sum = 0;
  error.forEach((part, index) => {
    sum += partCovariance(part, part);
    for (const other of error.slice(index + 1)) sum += 2 * partCovariance(part, other);
  });
  return sum;
}

function partCovariance(a: ErrorPart, b: ErrorPart): number {
  if (a === b && a.counted === undefined) return ownVariance(a);
  const { product, shared } = productOf(a, b);
  return scaledUp(product, sizeOf(a) + sizeOf(b) - shared);
}

/** One patient alone says nothing of the variation between patients; callers refuse that case beforehand. */
function scaledUp(product: number, patients: number): number {
  return patients < 2 ? 0 : (patients / (patients - 1)) * product;
}

/** How many patients a part has. */
export function sizeOf(part: ErrorPart): number {
  return part.patientCount ?? part.patients.length;
}

/** A part whose variance is known and whose lists are made when they are looked at. */
export function deferredPart(patientCount: number, product: number, make: () => ErrorPart): ErrorPart {
  let made: ErrorPart | null = null;
  const part: ErrorPart = {
    patientCount,
    squares: product,
    get patients() {
      made ??= make();
      return made.patients;
    },
    get totals() {
      made ??= make();
      return made.totals;
    },
  };
  variances.set(part, scaledUp(product, patientCount));
  return part;
}

const products = new WeakMap<ErrorPart, WeakMap<ErrorPart, Product>>();

/** Says what the product of two parts is, where it was made on the way to them. */
export function declareProduct(a: ErrorPart, b: ErrorPart, product: Product): void {
  const ofA = products.get(a) ?? new WeakMap<ErrorPart, Product>();
  ofA.set(b, product);
  products.set(a, ofA);
}

/** Σ over the patients in both parts of the product of their contributions: made once for a pair, since many ask for it. */
export function productOf(a: ErrorPart, b: ErrorPart): Product {
  const known = a.counted !== undefined && b.counted !== undefined ? a.counted.productWith(b.counted) : null;
  if (known !== null) return known;
  const before = products.get(a)?.get(b) ?? products.get(b)?.get(a);
  if (before !== undefined) return before;
  const made = productByPatient(a, b);
  declareProduct(a, b, made);
  return made;
}

/** Totals spread out by patient code, so that the product with other parts is one pass over these. */
interface Spread {
  part: WeakRef<ErrorPart> | null;
  /** Round in which each code was last written. */
  rounds: Int32Array;
  totals: Float64Array;
  round: number;
}

/** The parts that were spread out last: covariances of groups go through all pairs of a few. */
const spreads: Spread[] = Array.from({ length: 3 }, () => ({
  part: null,
  rounds: new Int32Array(0),
  totals: new Float64Array(0),
  round: 0,
}));
/** Below so many patients, going along both lists is as quick. */
const FEW_PATIENTS = 64;

function productByPatient(a: ErrorPart, b: ErrorPart): Product {
  if (a.patients.length < FEW_PATIENTS || b.patients.length < FEW_PATIENTS) return productAlong(a, b);
  const { rounds, round, totals } = spreadOut(a);
  let product = 0;
  let shared = 0;
  const { patients, totals: others } = b;
  const size = rounds.length;
  for (let i = 0; i < patients.length; i++) {
    const patient = patients[i] as number;
    if (patient >= size) break;
    if (rounds[patient] !== round) continue;
    product += (totals[patient] as number) * (others[i] as number);
    shared++;
  }
  return { product, shared };
}

function spreadOut(part: ErrorPart): Spread {
  const found = spreads.findIndex((one) => one.part?.deref() === part);
  const [spread] = spreads.splice(found === -1 ? spreads.length - 1 : found, 1) as [Spread];
  spreads.unshift(spread);
  if (found !== -1) return spread;
  const { patients, totals } = part;
  const size = (patients[patients.length - 1] ?? -1) + 1;
  if (spread.rounds.length < size) {
    spread.rounds = new Int32Array(size);
    spread.totals = new Float64Array(size);
    spread.round = 0;
  }
  const round = ++spread.round;
  for (let i = 0; i < patients.length; i++) {
    const patient = patients[i] as number;
    spread.rounds[patient] = round;
    spread.totals[patient] = totals[i] as number;
  }
  spread.part = new WeakRef(part);
  return spread;
}

/** By going along both lists. */
function productAlong(a: ErrorPart, b: ErrorPart): Product {
  let product = 0;
  let shared = 0;
  for (let i = 0, j = 0; i < a.patients.length && j < b.patients.length; ) {
    const difference = (a.patients[i] as number) - (b.patients[j] as number);
    if (difference === 0) {
      product += (a.totals[i] as number) * (b.totals[j] as number);
      shared++;
    }
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return { product, shared };
}

const variances = new WeakMap<ErrorPart, number>();

/** The variance of one part, made once. */
export function ownVariance(part: ErrorPart): number {
  let variance = variances.get(part);
  if (variance === undefined) {
    const { totals } = part;
    let squares = 0;
    for (let i = 0; i < totals.length; i++) squares += (totals[i] as number) * (totals[i] as number);
    variance = scaledUp(squares, totals.length);
    variances.set(part, variance);
  }
  return variance;
}

/** Whether two errors have parts over the same patients, so that their difference is taken patient by patient. */
export function areAligned(a: SamplingError, b: SamplingError): boolean {
  return a.length === b.length && a.every((part, index) => samePatients(part, b[index]));
}

/**
 * The error of A − B. Parts over the same patients are merged, so that two estimates on the same samples that do not
 * differ have exactly no error; other parts stand side by side, which gives the same variance.
 */
export function errorOfDifference(a: SamplingError, b: SamplingError): SamplingError {
  if (areAligned(a, b)) {
    return a.map((part, index) => subtract(part, b[index] as ErrorPart));
  }
  return [...a, ...b.map((part) => scaledPart(part, -1))];
}

function samePatients(a: ErrorPart, b: ErrorPart | undefined): boolean {
  if (b === undefined || sizeOf(a) !== sizeOf(b)) return false;
  if (a.patients === b.patients) return true;
  for (let i = 0; i < a.patients.length; i++) if (a.patients[i] !== b.patients[i]) return false;
  return true;
}

function subtract(a: ErrorPart, b: ErrorPart): ErrorPart {
  const totals = new Float64Array(a.totals.length);
  for (let i = 0; i < totals.length; i++) totals[i] = (a.totals[i] as number) - (b.totals[i] as number);
  return { patients: a.patients, totals };
}

/** Whether no patient contributes any error, as where two score vectors rank the samples alike. */
export function hasNoError(error: SamplingError): boolean {
  return error.every((part) => {
    const product = part.counted?.productWith(part.counted) ?? null;
    if (product !== null) return product.product === 0;
    return part.squares === undefined ? part.totals.every((total) => total === 0) : part.squares === 0;
  });
}

/** A part with the factor that it enters a sum with. */
export interface WeightedPart {
  readonly weight: number;
  readonly part: ErrorPart;
}

/** Σ weight · part by patient, for parts of one stratum. */
export function sumOfParts(terms: readonly WeightedPart[]): ErrorPart {
  let first = Number.POSITIVE_INFINITY;
  let last = -1;
  for (const { part } of terms) {
    if (part.patients.length === 0) continue;
    first = Math.min(first, part.patients[0] as number);
    last = Math.max(last, part.patients[part.patients.length - 1] as number);
  }
  if (last < 0) return { patients: new Int32Array(0), totals: new Float64Array(0) };
  const sums = new Float64Array(last - first + 1);
  const present = new Uint8Array(last - first + 1);
  for (const { weight, part } of terms) {
    for (let i = 0; i < part.patients.length; i++) {
      const place = (part.patients[i] as number) - first;
      sums[place] = (sums[place] as number) + weight * (part.totals[i] as number);
      present[place] = 1;
    }
  }
  let count = 0;
  for (let place = 0; place < present.length; place++) count += present[place] as number;
  const patients = new Int32Array(count);
  const totals = new Float64Array(count);
  let next = 0;
  for (let place = 0; place < present.length; place++) {
    if (present[place] === 0) continue;
    patients[next] = first + place;
    totals[next++] = sums[place] as number;
  }
  return { patients, totals };
}

/**
 * One part for a sum over several strata, Σ weight · part by patient. A sum of k estimates of two parts each would have 2k
 * parts and 4k² products; this has one. Each part brings its own finite-sample factor I/(I−1) along, so that a sum of parts
 * without shared patients has exactly the variance of the separate parts; where patients are shared, the factor of a mixed
 * product is the geometric mean of its parts' factors in place of that of their union.
 */
export function mergedPart(terms: readonly WeightedPart[]): ErrorPart {
  const { patients, totals } = sumOfParts(
    terms.map(({ weight, part }) => ({ weight: weight * finiteFactor(part.patients.length), part })),
  );
  const back = patients.length < 2 ? 1 : 1 / finiteFactor(patients.length);
  return scaledPart({ patients, totals }, back);
}

/** factor · part. */
export function scaledPart(part: ErrorPart, factor: number): ErrorPart {
  if (part.counted !== undefined) return part.counted.scaled(factor);
  if (part.squares !== undefined) {
    return deferredPart(sizeOf(part), part.squares * factor * factor, () => scaledLists(part, factor));
  }
  return scaledLists(part, factor);
}

function scaledLists({ patients, totals }: ErrorPart, factor: number): ErrorPart {
  const scaled = new Float64Array(totals.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = factor * (totals[i] as number);
  return { patients, totals: scaled };
}

/** The root of I/(I−1); nothing is known of the variation of one patient, who therefore adds none. */
export function finiteFactor(patients: number): number {
  return patients < 2 ? 0 : Math.sqrt(patients / (patients - 1));
}
