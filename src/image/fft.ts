/**
 * The discrete Fourier transform of one length, planned once and applied to many lines: Xₖ = Σ xₙ e^(−2πi kn/N), and its
 * inverse with 1/N. Powers of two go through an iterative radix-2 transform (Cooley and Tukey 1965); every other length
 * becomes a circular convolution with a chirp, of a power of two (Bluestein 1970). After planning nothing is allocated.
 *
 * Real and imaginary parts are kept apart, in place.
 */
export class Fft {
  readonly length: number;
  readonly #transform: Transform;

  constructor(length: number) {
    if (!Number.isInteger(length) || length < 1) throw new RangeError(`a transform of length ${length}`);
    this.length = length;
    this.#transform = (length & (length - 1)) === 0 ? new Radix2(length) : new Bluestein(length);
  }

  forward(real: Float64Array, imaginary: Float64Array): void {
    this.#transform.run(real, imaginary);
  }

  inverse(real: Float64Array, imaginary: Float64Array): void {
    // F⁻¹(x) = swap(F(swap(x))) / N: exchanging the parts conjugates the kernel.
    this.#transform.run(imaginary, real);
    for (let i = 0; i < this.length; i++) {
      real[i] = (real[i] as number) / this.length;
      imaginary[i] = (imaginary[i] as number) / this.length;
    }
  }
}

interface Transform {
  run(real: Float64Array, imaginary: Float64Array): void;
}

class Radix2 implements Transform {
  readonly #length: number;
  /** Where each element goes: its index with the bits in reverse. */
  readonly #reversed: Uint32Array;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;

  constructor(length: number) {
    this.#length = length;
    const bits = Math.round(Math.log2(length));
    this.#reversed = new Uint32Array(length);
    for (let i = 1; i < length; i++) {
      this.#reversed[i] = ((this.#reversed[i >> 1] as number) >> 1) | ((i & 1) << (bits - 1));
    }
    this.#cosines = Float64Array.from({ length: length / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / length));
    this.#sines = Float64Array.from({ length: length / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / length));
  }

  run(real: Float64Array, imaginary: Float64Array): void {
    const length = this.#length;
    const cosines = this.#cosines;
    const sines = this.#sines;
    this.#permute(real);
    this.#permute(imaginary);
    for (let half = 1, stride = length >> 1; half < length; half <<= 1, stride >>= 1) {
      for (let start = 0; start < length; start += 2 * half) {
        for (let low = start, twiddle = 0; low < start + half; low++, twiddle += stride) {
          const high = low + half;
          const cosine = cosines[twiddle] as number;
          const sine = sines[twiddle] as number;
          const re = (real[high] as number) * cosine - (imaginary[high] as number) * sine;
          const im = (real[high] as number) * sine + (imaginary[high] as number) * cosine;
          real[high] = (real[low] as number) - re;
          imaginary[high] = (imaginary[low] as number) - im;
          real[low] = (real[low] as number) + re;
          imaginary[low] = (imaginary[low] as number) + im;
        }
      }
    }
  }

  #permute(values: Float64Array): void {
    for (let i = 0; i < this.#length; i++) {
      const other = this.#reversed[i] as number;
      if (other <= i) continue;
      const kept = values[i] as number;
      values[i] = values[other] as number;
      values[other] = kept;
    }
  }
}

/** kn = (k² + n² − (k − n)²) / 2, so that Xₖ = wₖ Σ (xₙ wₙ) w̄ₖ₋ₙ with the chirp wₙ = e^(−πi n²/N). */
class Bluestein implements Transform {
  readonly #length: number;
  readonly #inner: Radix2;
  readonly #chirpReal: Float64Array;
  readonly #chirpImaginary: Float64Array;
  /** The spectrum of the conjugate chirp, over the inner length. */
  readonly #filterReal: Float64Array;
  readonly #filterImaginary: Float64Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;

  constructor(length: number) {
    const padded = 2 ** Math.ceil(Math.log2(2 * length - 1));
    this.#length = length;
    this.#inner = new Radix2(padded);
    // n² modulo 2N keeps the angle small, and so exact.
    const angles = Float64Array.from({ length }, (_, n) => (Math.PI * ((n * n) % (2 * length))) / length);
    this.#chirpReal = angles.map(Math.cos);
    this.#chirpImaginary = angles.map((angle) => -Math.sin(angle));
    this.#filterReal = new Float64Array(padded);
    this.#filterImaginary = new Float64Array(padded);
    for (let n = 0; n < length; n++) {
      for (const at of n === 0 ? [0] : [n, padded - n]) {
        this.#filterReal[at] = this.#chirpReal[n] as number;
        this.#filterImaginary[at] = -(this.#chirpImaginary[n] as number);
      }
    }
    this.#inner.run(this.#filterReal, this.#filterImaginary);
    this.#real = new Float64Array(padded);
    this.#imaginary = new Float64Array(padded);
  }

  run(real: Float64Array, imaginary: Float64Array): void {
    const re = this.#real;
    const im = this.#imaginary;
    re.fill(0, this.#length);
    im.fill(0, this.#length);
    multiply(real, imaginary, this.#chirpReal, this.#chirpImaginary, re, im, this.#length);
    this.#inner.run(re, im);
    multiply(re, im, this.#filterReal, this.#filterImaginary, re, im, re.length);
    this.#inner.run(im, re);
    multiply(re, im, this.#chirpReal, this.#chirpImaginary, real, imaginary, this.#length);
    for (let k = 0; k < this.#length; k++) {
      real[k] = (real[k] as number) / re.length;
      imaginary[k] = (imaginary[k] as number) / re.length;
    }
  }
}

/** Complex products a·b of the first `count` elements; the result may be a or b. */
function multiply(
  aReal: Float64Array,
  aImaginary: Float64Array,
  bReal: Float64Array,
  bImaginary: Float64Array,
  real: Float64Array,
  imaginary: Float64Array,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const re = (aReal[i] as number) * (bReal[i] as number) - (aImaginary[i] as number) * (bImaginary[i] as number);
    const im = (aReal[i] as number) * (bImaginary[i] as number) + (aImaginary[i] as number) * (bReal[i] as number);
    real[i] = re;
    imaginary[i] = im;
  }
}
