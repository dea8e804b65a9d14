/** Palette colour lookup tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and, in segments, C.7.9.2). */
import { pack } from './pixels';

export interface Palette {
  /** The stored value the first entry belongs to. */
  readonly first: number;
  /** 0xAABBGGRR per entry. */
  readonly colours: Uint32Array;
}

export interface PaletteChannel {
  /** Number of entries, first stored value mapped, bits per entry. */
  readonly descriptor: readonly number[];
  readonly data: Uint8Array;
}

export function readPalette(red: PaletteChannel, green: PaletteChannel, blue: PaletteChannel): Palette {
  const [r, g, b] = [red, green, blue].map(readChannel) as [Uint8Array, Uint8Array, Uint8Array];
  const colours = Uint32Array.from(r, (value, i) => pack(value, g[i] ?? 0, b[i] ?? 0));
  return { first: red.descriptor[1] ?? 0, colours };
}

/** The entries of one channel, brought to eight bits. */
export function readChannel({ descriptor, data }: PaletteChannel): Uint8Array {
  const count = descriptor[0] || 65536; // 0 stands for 65 536, which does not fit the field
  // Entries of eight bits may be packed one per byte, or (as some machines do) one per word.
  if (data.length < count * 2) return data.subarray(0, count);
  const words = readWords(data, count);
  const wide = words.some((entry) => entry > 255);
  return Uint8Array.from(words, (entry) => (wide ? entry >> 8 : entry));
}

export function paletteColour(palette: Palette, stored: number): number {
  const last = palette.colours.length - 1;
  const index = Math.min(last, Math.max(0, stored - palette.first));
  return palette.colours[index] ?? 0xff000000;
}

/** Little-endian 16 bit words. */
export function readWords(data: Uint8Array, count = data.length >> 1): Uint16Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const words = new Uint16Array(Math.min(count, data.length >> 1));
  for (let i = 0; i < words.length; i++) words[i] = view.getUint16(2 * i, true);
  return words;
}

const DISCRETE = 0;
const LINEAR = 1;
const INDIRECT = 2;
/** More than any table can hold: what goes on beyond is a loop or an accident. */
const MOST_ENTRIES = 65536;

/** Writes out a table given in segments: runs of values, straight lines, and repetitions of earlier segments. */
export function expandSegments(segmented: Uint8Array, bits: number): Uint8Array {
  const codes = bits > 8 ? readWords(segmented) : segmented;
  const entries: number[] = [];
  expand(codes, 0, Infinity, entries);
  return bits > 8 ? new Uint8Array(Uint16Array.from(entries).buffer) : Uint8Array.from(entries);
}

/** Expands at most `segments` segments from `at`; an indirect one repeats direct ones only. */
function expand(codes: ArrayLike<number>, at: number, segments: number, entries: number[]): void {
  for (let done = 0; done < segments && at + 2 < codes.length && entries.length < MOST_ENTRIES; done++) {
    const [opcode, length] = [codes[at]!, codes[at + 1]!];
    if (opcode === DISCRETE) {
      for (let i = 0; i < length; i++) entries.push(codes[at + 2 + i] ?? 0);
      at += 2 + length;
    } else if (opcode === LINEAR) {
      const [from, to] = [entries.at(-1) ?? 0, codes[at + 2]!];
      for (let i = 1; i <= length; i++) entries.push(Math.round(from + ((to - from) * i) / length));
      at += 3;
    } else if (opcode === INDIRECT && segments === Infinity) {
      // The offset counts bytes, in two words (or four bytes), the least significant first.
      expand(codes, indirectOffset(codes, at + 2), length, entries);
      at += codes instanceof Uint8Array ? 6 : 4;
    } else {
      return;
    }
  }
}

function indirectOffset(codes: ArrayLike<number>, at: number): number {
  if (!(codes instanceof Uint8Array)) return ((codes[at] ?? 0) + (codes[at + 1] ?? 0) * 65536) / 2;
  return [0, 1, 2, 3].reduce((offset, i) => offset + (codes[at + i] ?? 0) * 256 ** i, 0);
}
