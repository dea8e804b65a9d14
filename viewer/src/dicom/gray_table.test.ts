import { describe, expect, it } from 'vitest';
import { grayColour, grayTable, modalityRange, paintGray, type GrayRecipe } from './gray_table';
import { fromPattern, pack, readGray, type PixelLayout } from './pixels';

const CT: PixelLayout = {
  rows: 1, columns: 3, samplesPerPixel: 1, bitsAllocated: 16, bitsStored: 16, highBit: 15,
  signed: true, kind: 'integer', photometric: 'MONOCHROME2', planar: false,
};
const BRAIN: GrayRecipe = {
  modality: { kind: 'line', slope: 1, intercept: -1024 },
  voi: { center: 40, width: 80, function: 'LINEAR' },
  inverse: false,
  padding: null,
};
const gray = (level: number): number => pack(level, level, level);

describe('one stored value', () => {
  it('goes through rescale and window', () => {
    // 1064 is 40 HU: (40 - 39.5) / 79 + 0.5 of 255.
    expect(grayColour(1064, BRAIN)).toBe(gray(Math.round((0.5 / 79 + 0.5) * 255)));
    expect(grayColour(0, BRAIN)).toBe(gray(0));
    expect(grayColour(2000, BRAIN)).toBe(gray(255));
  });

  it('is turned round for MONOCHROME1', () => {
    expect(grayColour(0, { ...BRAIN, inverse: true })).toBe(gray(255));
    expect(grayColour(2000, { ...BRAIN, inverse: true })).toBe(gray(0));
  });

  it('is background where there is only padding, inverted or not', () => {
    const padded = { ...BRAIN, padding: { from: -2000, to: -2000 } };
    expect(grayColour(-2000, padded)).toBe(gray(0));
    expect(grayColour(-2000, { ...padded, inverse: true })).toBe(gray(0));
    expect(grayColour(-1999, { ...padded, inverse: true })).toBe(gray(255));
  });

  it('goes through a modality table and a VOI table', () => {
    const recipe: GrayRecipe = {
      modality: { kind: 'table', table: { first: 0, entries: [10, 20, 30], bits: 16 } },
      voi: { first: 10, entries: Array.from({ length: 21 }, (_, i) => (i * 255) / 20), bits: 8 },
      inverse: false,
      padding: null,
    };
    expect([0, 1, 2].map((stored) => grayColour(stored, recipe))).toEqual([gray(0), gray(128), gray(255)]);
  });
});

describe('the table of a frame', () => {
  it('agrees with the arithmetic for every pattern', () => {
    const layout = { ...CT, bitsStored: 12, highBit: 11 };
    const table = grayTable(layout, 12, BRAIN);
    expect(table).toHaveLength(4096);
    for (let pattern = 0; pattern < 4096; pattern += 7) {
      expect(table[pattern]).toBe(grayColour(fromPattern(pattern, 12, true), BRAIN));
    }
  });

  it('paints signed values', () => {
    const pixels = readGray(Int16Array.of(-1, 1064, 1200).buffer, CT);
    const out = new Uint32Array(3);
    paintGray(pixels, CT, BRAIN, out);
    expect([...out]).toEqual([gray(0), gray(129), gray(255)]);
  });

  it('paints floats without a table', () => {
    const layout: PixelLayout = { ...CT, bitsAllocated: 32, kind: 'float' };
    const pixels = readGray(Float32Array.of(0, 0.5, 1).buffer, layout);
    const out = new Uint32Array(3);
    const voi = { center: 0.5, width: 1, function: 'LINEAR_EXACT' } as const;
    paintGray(pixels, layout, { ...BRAIN, modality: { kind: 'line', slope: 1, intercept: 0 }, voi }, out);
    expect([...out]).toEqual([gray(0), gray(128), gray(255)]);
  });
});

describe('the range of a frame', () => {
  const pixels = readGray(Int16Array.of(-2000, 0, 500).buffer, CT);

  it('is in modality values and leaves padding out', () => {
    expect(modalityRange(pixels, CT, { ...BRAIN, padding: { from: -2000, to: -2000 } })).toEqual({ minimum: -1024, maximum: -524 });
  });

  it('keeps its order under a falling slope', () => {
    const modality = { kind: 'line', slope: -1, intercept: 0 } as const;
    expect(modalityRange(pixels, CT, { modality, padding: null })).toEqual({ minimum: -500, maximum: 2000 });
  });

  it('is nothing when there is only padding', () => {
    expect(modalityRange(pixels, CT, { ...BRAIN, padding: { from: -5000, to: 5000 } })).toBeNull();
  });
});
