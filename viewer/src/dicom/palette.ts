/** Palette colour lookup tables (PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6). */
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
