/** Turns the bytes of one frame, Explicit VR Little Endian native, into samples (PS3.5 8). */

export type SampleKind = 'integer' | 'float' | 'double';

/** How the bytes of a frame are to be read, as the archive sends them. */
export interface PixelLayout {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly kind: SampleKind;
  readonly photometric: string;
  readonly planar: boolean;
}

/** Single-sample pixels; when `patternBits` is set, values are raw bit patterns of that many bits. */
export interface GrayPixels {
  readonly rows: number;
  readonly columns: number;
  readonly values: Uint8Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;
  readonly patternBits: number | null;
}

/** Colour pixels, 0xAABBGGRR each, as a canvas wants them on a little-endian machine. */
export interface ColourPixels {
  readonly rows: number;
  readonly columns: number;
  readonly rgba: Uint32Array;
}

/** The archive sent fewer bytes than rows and columns promise. */
export class FrameTooShort extends Error {
  constructor(
    readonly gotBytes: number,
    readonly needsBytes: number,
  ) {
    super(`the frame has ${gotBytes} bytes of ${needsBytes}`);
  }
}

export function frameBytes(layout: PixelLayout): number {
  const samples = layout.rows * layout.columns * layout.samplesPerPixel;
  if (layout.bitsAllocated === 1) return Math.ceil(samples / 8);
  // Two chroma samples serve two pixels: four bytes for each pair (PS3.3 C.7.6.3.1.2).
  if (isSubsampled(layout)) return layout.rows * Math.ceil(layout.columns / 2) * 4;
  return samples * (layout.bitsAllocated / 8);
}

function isSubsampled(layout: PixelLayout): boolean {
  return layout.photometric === 'YBR_FULL_422' || layout.photometric === 'YBR_PARTIAL_422';
}

export function readGray(bytes: ArrayBuffer, layout: PixelLayout): GrayPixels {
  const { rows, columns } = layout;
  const count = rows * columns;
  requireBytes(bytes, frameBytes(layout));
  if (layout.kind === 'float') return { rows, columns, values: new Float32Array(bytes, 0, count), patternBits: null };
  if (layout.kind === 'double') return { rows, columns, values: new Float64Array(bytes, 0, count), patternBits: null };
  if (layout.bitsAllocated === 1) return { rows, columns, values: unpackBits(bytes, count), patternBits: 1 };
  if (layout.bitsAllocated === 32) {
    const values = layout.signed ? new Int32Array(bytes, 0, count) : new Uint32Array(bytes, 0, count);
    return { rows, columns, values, patternBits: null };
  }
  const raw = layout.bitsAllocated === 8 ? new Uint8Array(bytes, 0, count) : new Uint16Array(bytes, 0, count);
  return { rows, columns, values: alignBits(raw, layout), patternBits: layout.bitsStored };
}

/** Drops what older machines keep above the high bit (overlays, garbage) and below the lowest. */
function alignBits<T extends Uint8Array | Uint16Array>(raw: T, layout: PixelLayout): T {
  const shift = layout.highBit + 1 - layout.bitsStored;
  const mask = 2 ** layout.bitsStored - 1;
  if (shift <= 0 && layout.bitsStored === layout.bitsAllocated) return raw;
  const aligned = raw.slice() as T;
  for (let i = 0; i < aligned.length; i++) aligned[i] = ((raw[i] ?? 0) >> Math.max(0, shift)) & mask;
  return aligned;
}

/** One bit per pixel, the first pixel in the lowest bit (PS3.5 8.1.1). */
function unpackBits(bytes: ArrayBuffer, count: number): Uint8Array {
  const packed = new Uint8Array(bytes);
  const values = new Uint8Array(count);
  for (let i = 0; i < count; i++) values[i] = ((packed[i >> 3] ?? 0) >> (i & 7)) & 1;
  return values;
}

/** A bit pattern as the number it stands for. */
export function fromPattern(pattern: number, bitsStored: number, signed: boolean): number {
  return signed && pattern >= 2 ** (bitsStored - 1) ? pattern - 2 ** bitsStored : pattern;
}

export function readColour(bytes: ArrayBuffer, layout: PixelLayout): ColourPixels {
  requireBytes(bytes, frameBytes(layout));
  const { rows, columns } = layout;
  const rgba = new Uint32Array(rows * columns);
  const samples = colourSamples(bytes, layout);
  if (isSubsampled(layout)) readSubsampled(samples, layout, rgba);
  else readFullSamples(samples, layout, rgba);
  return { rows, columns, rgba };
}

/** Samples of eight bits, whatever was stored. */
function colourSamples(bytes: ArrayBuffer, layout: PixelLayout): Uint8Array {
  if (layout.bitsAllocated === 8) return new Uint8Array(bytes);
  const wide = new Uint16Array(bytes, 0, bytes.byteLength >> 1);
  const shift = Math.max(0, layout.bitsStored - 8);
  return Uint8Array.from(wide, (sample) => sample >> shift);
}

function readFullSamples(samples: Uint8Array, layout: PixelLayout, rgba: Uint32Array): void {
  const count = layout.rows * layout.columns;
  const step = layout.planar ? 1 : layout.samplesPerPixel;
  const next = layout.planar ? count : 1;
  const ybr = layout.photometric.startsWith('YBR');
  const partial = layout.photometric.startsWith('YBR_PARTIAL');
  for (let i = 0, at = 0; i < count; i++, at += step) {
    const a = samples[at] ?? 0;
    const b = samples[at + next] ?? 0;
    const c = samples[at + 2 * next] ?? 0;
    rgba[i] = ybr ? fromYbr(a, b, c, partial) : pack(a, b, c);
  }
}

function readSubsampled(samples: Uint8Array, layout: PixelLayout, rgba: Uint32Array): void {
  const partial = layout.photometric.startsWith('YBR_PARTIAL');
  let at = 0;
  for (let row = 0; row < layout.rows; row++) {
    for (let column = 0; column < layout.columns; column += 2, at += 4) {
      const i = row * layout.columns + column;
      const cb = samples[at + 2] ?? 128;
      const cr = samples[at + 3] ?? 128;
      rgba[i] = fromYbr(samples[at] ?? 0, cb, cr, partial);
      if (column + 1 < layout.columns) rgba[i + 1] = fromYbr(samples[at + 1] ?? 0, cb, cr, partial);
    }
  }
}

/** The inverse of the equations of PS3.3 C.7.6.3.1.2; `partial` is the video range 16 to 235. */
export function fromYbr(y: number, cb: number, cr: number, partial = false): number {
  const luma = partial ? (y - 16) * (255 / 219) : y;
  const gain = partial ? 255 / 224 : 1;
  const blue = (cb - 128) * gain;
  const red = (cr - 128) * gain;
  return pack(
    clamp(luma + 1.402 * red),
    clamp(luma - 0.344136 * blue - 0.714136 * red),
    clamp(luma + 1.772 * blue),
  );
}

export function pack(red: number, green: number, blue: number): number {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.round(value);
}

function requireBytes(bytes: ArrayBuffer, needed: number): void {
  if (bytes.byteLength < needed) throw new FrameTooShort(bytes.byteLength, needed);
}
