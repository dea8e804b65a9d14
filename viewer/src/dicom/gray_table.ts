/** One table from stored value to screen colour, so that windowing an image is one look-up per pixel. */
import type { GrayPixels, PixelLayout } from './pixels';
import { fromPattern } from './pixels';
import { displayValue, lookUp, tableDisplayValue, type LookupTable, type Window } from './voi';

/** From stored to modality values (PS3.3 C.11.1): a line or a table. */
export type ModalityTransform =
  | { readonly kind: 'line'; readonly slope: number; readonly intercept: number }
  | { readonly kind: 'table'; readonly table: LookupTable };

/** Stored values that stand for "nothing here" (PS3.3 C.7.5.1.1.2), first to last. */
export interface Padding {
  readonly from: number;
  readonly to: number;
}

export interface GrayRecipe {
  readonly modality: ModalityTransform;
  readonly voi: Window | LookupTable;
  /** True for MONOCHROME1, or for an inverted view, but not for both. */
  readonly inverse: boolean;
  readonly padding: Padding | null;
}

const BLACK = 0xff000000;

export function modalityValue(stored: number, transform: ModalityTransform): number {
  if (transform.kind === 'line') return stored * transform.slope + transform.intercept;
  return lookUp(transform.table, stored);
}

/** Screen colour (0xAABBGGRR) for one stored value; padding is background, inverted or not. */
export function grayColour(stored: number, recipe: GrayRecipe): number {
  if (recipe.padding && stored >= recipe.padding.from && stored <= recipe.padding.to) return BLACK;
  const value = modalityValue(stored, recipe.modality);
  const shade = 'width' in recipe.voi ? displayValue(value, recipe.voi) : tableDisplayValue(value, recipe.voi);
  const level = Math.round(recipe.inverse ? 255 - shade : shade);
  return (BLACK | (level << 16) | (level << 8) | level) >>> 0;
}

/** The table for every bit pattern of `layout`. */
export function grayTable(layout: PixelLayout, bits: number, recipe: GrayRecipe): Uint32Array {
  const table = new Uint32Array(2 ** bits);
  for (let pattern = 0; pattern < table.length; pattern++) {
    table[pattern] = grayColour(fromPattern(pattern, bits, layout.signed), recipe);
  }
  return table;
}

/** Paints `pixels` into `out`, one 0xAABBGGRR per pixel. */
export function paintGray(pixels: GrayPixels, layout: PixelLayout, recipe: GrayRecipe, out: Uint32Array): void {
  const { values, patternBits } = pixels;
  if (patternBits === null) {
    for (let i = 0; i < values.length; i++) out[i] = grayColour(values[i]!, recipe);
    return;
  }
  const table = grayTable(layout, patternBits, recipe);
  for (let i = 0; i < values.length; i++) out[i] = table[values[i]!]!;
}

/** The smallest and largest modality value of a frame, padding left out; null when there is no other. */
export function modalityRange(
  pixels: GrayPixels,
  layout: PixelLayout,
  { modality, padding }: Pick<GrayRecipe, 'modality' | 'padding'>,
): { minimum: number; maximum: number } | null {
  let low = Infinity;
  let high = -Infinity;
  const bits = pixels.patternBits;
  for (let i = 0; i < pixels.values.length; i++) {
    const raw = pixels.values[i]!;
    const stored = bits === null ? raw : fromPattern(raw, bits, layout.signed);
    if (padding && stored >= padding.from && stored <= padding.to) continue;
    if (stored < low) low = stored;
    if (stored > high) high = stored;
  }
  if (!(low <= high)) return null;
  if (modality.kind === 'line') {
    const ends = [modalityValue(low, modality), modalityValue(high, modality)];
    return { minimum: Math.min(...ends), maximum: Math.max(...ends) };
  }
  return tableRange(low, high, modality);
}

/** A Modality LUT need not rise steadily, so every entry in use is looked at. */
function tableRange(low: number, high: number, modality: ModalityTransform): { minimum: number; maximum: number } {
  let minimum = Infinity;
  let maximum = -Infinity;
  for (let stored = low; stored <= high; stored++) {
    const value = modalityValue(stored, modality);
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
  }
  return { minimum, maximum };
}
