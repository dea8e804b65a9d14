/** From modality values to display values: the VOI LUT functions of PS3.3 C.11.2.1.2 and C.11.2.1.3. */

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';

export interface Window {
  readonly center: number;
  readonly width: number;
  readonly function: VoiFunction;
}

/** A Modality or VOI LUT: the value `first` and all below it map to the first entry. */
export interface LookupTable {
  readonly first: number;
  readonly entries: ArrayLike<number>;
  readonly bits: number;
}

/** What a data set proposes for display. */
export type Voi =
  | { readonly kind: 'window'; readonly window: Window; readonly explanation: string }
  | { readonly kind: 'table'; readonly table: LookupTable; readonly explanation: string };

const WHITE = 255;

/** The display value, 0 black to 255 white, not rounded. */
export function displayValue(value: number, window: Window): number {
  return FUNCTIONS[window.function](value, window.center, window.width);
}

const FUNCTIONS: Record<VoiFunction, (x: number, c: number, w: number) => number> = {
  // PS3.3 C.11.2.1.2.1
  LINEAR(x, c, w) {
    if (x <= c - 0.5 - (w - 1) / 2) return 0;
    if (x > c - 0.5 + (w - 1) / 2) return WHITE;
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * WHITE;
  },
  // PS3.3 C.11.2.1.3.2
  LINEAR_EXACT(x, c, w) {
    if (x <= c - w / 2) return 0;
    if (x > c + w / 2) return WHITE;
    return ((x - c) / w + 0.5) * WHITE;
  },
  // PS3.3 C.11.2.1.3.1
  SIGMOID(x, c, w) {
    return WHITE / (1 + Math.exp((-4 * (x - c)) / w));
  },
};

/**
 * A window as a data set states it, or null when it cannot be used.
 *
 * LINEAR asks for a width of at least 1; parametric maps and PET come with less all the same, and
 * are meant as LINEAR_EXACT then.
 */
export function usableWindow(center: number, width: number, name = ''): Window | null {
  if (!Number.isFinite(center) || !Number.isFinite(width) || width <= 0) return null;
  if (name === 'SIGMOID' || name === 'LINEAR_EXACT') return { center, width, function: name };
  return { center, width, function: width >= 1 ? 'LINEAR' : 'LINEAR_EXACT' };
}

/** The window that shows `minimum` black, `maximum` white and everything between. */
export function fullRangeWindow(minimum: number, maximum: number): Window {
  const width = maximum - minimum;
  if (!Number.isFinite(width) || width <= 0) {
    // An image of one value is a middle grey: neither a hole nor a light.
    return { center: Number.isFinite(minimum) ? minimum : 0, width: 1, function: 'LINEAR_EXACT' };
  }
  return { center: (minimum + maximum) / 2, width, function: 'LINEAR_EXACT' };
}

export function lookUp(table: LookupTable, value: number): number {
  const last = table.entries.length - 1;
  const index = Math.min(last, Math.max(0, Math.round(value) - table.first));
  return table.entries[index] ?? 0;
}

/** A VOI LUT's output, which has `bits` bits, as a display value. */
export function tableDisplayValue(value: number, table: LookupTable): number {
  return (lookUp(table, value) / (2 ** table.bits - 1)) * WHITE;
}

/** Drags a window: `right` and `down` in screen pixels; a long way right is wider, down is higher. */
export function draggedWindow(start: Window, right: number, down: number): Window {
  // Exponential, so that the same gesture serves a brain (80 HU) and a dose grid (60 000 units).
  const width = start.width * 2 ** (right / 160);
  const smallest = start.function === 'LINEAR' ? 1 : Number.EPSILON;
  const center = start.center + (down * start.width) / 320;
  const rounded = start.width >= 20;
  return {
    center: rounded ? Math.round(center) : center,
    width: Math.max(smallest, rounded ? Math.round(width) : width),
    function: start.function,
  };
}
